"""Checks before any job: what figures show is known."""


def check_figures():
    """Every name in `figures` is in its catalogue."""
    figures = config["figures"]
    for key in ("scaling", "representations", "cost"):
        check_known(figures[key], config["suites"], f"figures.{key}")
    check_known([figures["heat_map"]["suite"]], config["suites"], "figures.heat_map.suite")
    adapters = ["none", *config["adapters"]]
    for encoder in figures["heat_map"]["encoders"]:
        model, adapter, _, representation = encoder.split("/")
        where = f"figures.heat_map.encoders[{encoder}]"
        check_known([model], config["models"], where)
        check_known([adapter], adapters, where)
        check_known([representation], config["representations"], where)


check_figures()

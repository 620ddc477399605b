"""Checks before any job: what figures show is known."""


def check_figures():
    """Every name in `figures` is in its catalogue; sentences that are printed may be shown."""
    figures = config["figures"]
    for key in ("scaling", "representations", "cost"):
        check_known(figures[key], config["suites"], f"figures.{key}")
    shown = figures["heat_map"]["suite"]
    check_known([shown], config["suites"], "figures.heat_map.suite")
    for row in SOURCES:
        if row["task"] in config["suites"][shown] and row["source"] != "bundled":
            raise WorkflowError(
                f"figures.heat_map.suite is {shown!r}, and its sentences are printed: those of"
                f" task {row['task']} are not in this repository"
            )
    adapters = ["none", *config["adapters"]]
    for encoder in figures["heat_map"]["encoders"]:
        model, adapter, _, representation = encoder.split("/")
        where = f"figures.heat_map.encoders[{encoder}]"
        check_known([model], config["models"], where)
        check_known([adapter], adapters, where)
        check_known([representation], config["representations"], where)


check_figures()

"""The science of sentscale: no Snakemake, no argparse, no global state."""

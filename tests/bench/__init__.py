"""What TrustTune costs, measured; scripts/bench prints it as JSON."""

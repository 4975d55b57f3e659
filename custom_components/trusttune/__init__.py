"""TrustTune."""

"""Computes what each rig and the site earn and cost, from judged readings, the market and the power tariffs."""

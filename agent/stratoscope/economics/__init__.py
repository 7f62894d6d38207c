"""Works out what each rig and the whole site earn and cost, from judged readings, the market and the power tariffs."""

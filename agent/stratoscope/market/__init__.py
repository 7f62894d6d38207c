"""Works out what hashes earn and what the power behind them costs: pure formulas over values that others fetch."""

"""The account in every pool's answers: `acct` or ADDRESS, with two rigs, 300 TH/s in total."""

NOW = 1_750_000_100  # UTC s; 2025-06-15 15:08:20
MS = NOW * 1000
ADDRESS = "bc1qexampleexampleexampleexampleexample0"
TH = 10**12

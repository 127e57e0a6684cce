"""Client of an organisation; configuration model, results and validity rules stand at its root."""

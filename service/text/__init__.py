"""Words: folding, tokens, language, morphology, markup, addresses; pure."""

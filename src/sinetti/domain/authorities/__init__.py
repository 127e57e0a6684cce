"""Rules of CAs: generations, states, trust lists."""

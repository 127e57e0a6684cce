Documentation.addTranslations({
  "locale": "fi",
  "messages": {
    "Search Results": "Hakutulokset",
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.": "Haulla ei löytynyt yhtään sivua. Tarkista hakusanojen oikeinkirjoitus.",
    "Search finished, found one page matching the search query.": [
      "Haulla löytyi yksi sivu.",
      "Haulla löytyi ${resultCount} sivua."
    ],
    "Searching": "Haetaan",
    "Preparing search...": "Hakua valmistellaan…",
    ", in ": ", ",
    "Hide Search Matches": "Poista hakusanojen korostus"
  },
  "plural_expr": "(n != 1)"
});

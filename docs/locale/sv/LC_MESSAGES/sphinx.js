Documentation.addTranslations({
  "locale": "sv",
  "messages": {
    "Search Results": "Sökresultat",
    "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.": "Sökningen gav inga träffar. Kontrollera att sökorden är rättstavade.",
    "Search finished, found one page matching the search query.": [
      "Sökningen gav en träff.",
      "Sökningen gav ${resultCount} träffar."
    ],
    "Searching": "Söker",
    "Preparing search...": "Sökningen förbereds…",
    ", in ": ", ",
    "Hide Search Matches": "Dölj markeringen av sökorden"
  },
  "plural_expr": "(n != 1)"
});

"""Components, page rendering, forms, navigation, error pages."""

"""Two years of messages about a hundred thousand certificates, beside a model that knows which there have to be."""

"""Models on servers with an OpenAI-compatible API: exact prices first, nothing paid for twice.

providers   what differs between servers, from data/providers.json, and prices, from data/prices.csv
counting    tokens of a text, exact where the tokenizer is at hand
wire        requests, training lines, and the contents of responses
log_probabilities  log-probabilities in responses
transport   the HTTP client: one origin, limits on bytes and seconds
reading     parses the protocol's objects from received bytes
replies     what an error means, and whether a retry may help
store       jobs, batches and answers on disk
ledger      every paid call, and the limit on their sum
session     where a study keeps its purchases, and what it may spend
quote       the back end that sends nothing and adds up what would be sent
live        the back end that sends; jobs: its fine-tuning jobs and batches
model       the three verbs

`utils.models.openai.connection` holds the connection; it and `transport` alone import the client package.
"""

"""Models on servers of the OpenAI protocol: exact prices first, nothing paid for twice.

providers   what differs between servers, from data/providers.json, and prices, from data/prices.csv
counting    tokens of a text, exact where the tokenizer is at hand
wire        requests and training lines, and what a response says
log_probabilities  what it says of log-probabilities
transport   the HTTP client: one origin, so many bytes, so many seconds
reading     the protocol's objects out of the bytes that came
replies     what an error means, and whether it may pass
store       jobs, batches and answers on disk
ledger      every paid call, and the limit on their sum
session     where a study keeps them, and what it may spend
quote       the back end that sends nothing and adds up what would be sent
live        the back end that sends; jobs: its fine-tuning jobs and batches
model       the three verbs

`utils.models.openai.connection` holds the connection; it and `transport` alone import the client package.
"""

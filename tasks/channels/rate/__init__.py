"""Rate limits of the channels across all workers (CHANNEL_X_RATE).

A limit is no average: any span of the rate's length has at most its count of messages. The window
of the last messages' instants is kept in Redis, and in PostgreSQL while Redis is down or not used
(docs/decisions/0031).
"""

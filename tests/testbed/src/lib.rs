//! Real surroundings for tests: chain, Redis, and a proxy that misbehaves on purpose.

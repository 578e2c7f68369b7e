//! Sealing at rest: STUB, being built by the outbox's builder.

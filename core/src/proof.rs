//! When a claim needs a proof, which leaf it must show, and what it is worth.

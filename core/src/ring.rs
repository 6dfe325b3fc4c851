//! Ring signatures (bLSAG over secp256k1) on relay requests.

//! The chain client against a real chain.

mod chain {
    mod feed;
    mod queries;
    mod surroundings;
    mod transactions;
}

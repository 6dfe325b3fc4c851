//! The operator: three kinds of resource, and what they become.

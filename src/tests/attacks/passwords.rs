//! Guessed passwords, and tokens that outlive one.

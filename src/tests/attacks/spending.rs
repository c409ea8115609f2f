//! Requests that would spend the operator's money.

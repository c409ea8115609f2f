//! Too many requests, event streams and keys, from one account or one network.

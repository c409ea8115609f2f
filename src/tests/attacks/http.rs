//! Forged headers, operational paths, and responses that are not read.

//! Documents that keep the page engine busy, and addresses to import from.

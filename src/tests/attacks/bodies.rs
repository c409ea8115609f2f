//! Uploads and other bodies that are endless, slow, or not what their route takes.

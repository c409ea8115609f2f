//! Files and texts that fill the disk.

use super::*;
use crate::accounts::Account;

const ALLOWANCE: Allowance = Allowance { documents: 1, active_jobs: 1, stored_bytes: 1_000, uploads: 2 };
const EMPTY: AccountUsage = AccountUsage { documents: 0, active_jobs: 0, active_pages: 0, stored_bytes: 0 };

fn incoming(uploads: usize, uploads_per_network: usize, free_bytes: u64) -> Incoming {
    let limits = IncomingLimits { uploads, uploads_per_network, free_percent_min: 5 };
    Incoming::new(limits, Arc::new(move || Ok(DiskSpace { free_bytes, total_bytes: 100_000 })))
}

fn caller(id: &str, address: &str) -> Caller {
    let account = Account { id: id.to_owned(), email: None, quota_tokens: None };
    Caller { account, network: Network::of(address.parse().unwrap()) }
}

fn code(admitted: Result<UploadPermit>) -> Option<ErrorCode> {
    admitted.err().map(|error| error.public().code)
}

#[test]
fn upload_beyond_the_limit_of_its_account_is_refused_until_one_ends() {
    let incoming = incoming(9, 9, 100_000);
    let caller = caller("a", "127.0.0.1");
    let admit = || incoming.admit(&caller, 10, &ALLOWANCE, &EMPTY);
    let (first, _second) = (admit().unwrap(), admit().unwrap());
    assert_eq!(code(admit()), Some(ErrorCode::TooManyRequests));
    drop(first);
    assert_eq!(code(admit()), None);
}

#[test]
fn guests_of_one_network_share_its_limit_and_loopback_has_none() {
    let incoming = incoming(9, 2, 100_000);
    let admit = |id, address| incoming.admit(&caller(id, address), 10, &ALLOWANCE, &EMPTY);
    let _held = (admit("a", "203.0.113.1").unwrap(), admit("b", "203.0.113.2").unwrap());
    assert_eq!(code(admit("c", "203.0.113.3")), Some(ErrorCode::TooManyRequests));
    let _others =
        (admit("c", "203.0.114.1").unwrap(), admit("d", "127.0.0.1").unwrap(), admit("e", "127.0.0.1").unwrap());
}

#[test]
fn uploads_beyond_the_limit_of_the_server_are_refused_as_unavailable() {
    let incoming = incoming(1, 9, 100_000);
    let _held = incoming.admit(&caller("a", "127.0.0.1"), 10, &ALLOWANCE, &EMPTY).unwrap();
    let refused = incoming.admit(&caller("b", "127.0.0.1"), 10, &ALLOWANCE, &EMPTY);
    assert_eq!(code(refused), Some(ErrorCode::Unavailable));
}

#[test]
fn bytes_being_received_count_as_stored() {
    let incoming = incoming(9, 9, 100_000);
    let usage = AccountUsage { stored_bytes: 300, ..EMPTY };
    let admit = |bytes| incoming.admit(&caller("a", "127.0.0.1"), bytes, &ALLOWANCE, &usage);
    let first = admit(600).unwrap();
    assert_eq!(code(admit(101)), Some(ErrorCode::LimitReached));
    assert_eq!(code(admit(100)), None);
    drop(first);
    assert_eq!(code(admit(700)), None);
}

#[test]
fn disk_space_reserved_by_uploads_counts_as_used() {
    let incoming = incoming(9, 9, 5_500);
    let admit = |id| incoming.admit(&caller(id, "127.0.0.1"), 300, &ALLOWANCE, &EMPTY);
    let first = admit("a").unwrap();
    assert_eq!(code(admit("b")), Some(ErrorCode::DiskFull));
    drop(first);
    assert_eq!(code(admit("b")), None);
    assert!(incoming.check().is_ok());
}

#[test]
fn disk_below_its_free_share_is_not_ready() {
    assert!(incoming(9, 9, 4_999).check().is_err());
}

#[test]
fn counts_are_empty_after_every_permit_is_dropped() {
    let incoming = incoming(9, 9, 100_000);
    drop(incoming.admit(&caller("a", "203.0.113.1"), 10, &ALLOWANCE, &EMPTY));
    let counts = lock(&incoming.counts);
    assert_eq!((counts.all.uploads, counts.all.bytes), (0, 0));
    assert!(counts.accounts.is_empty() && counts.networks.is_empty());
}

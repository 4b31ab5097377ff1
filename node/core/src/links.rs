//! Addresses that the owner says belong to a key. What came from such an address without a name then counts for the key:
//! weakly, and up to a cap, since an address may change hands.

use crate::ground::Ground;
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::Key;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Rows of [`Table::Local`]: this ‖ address (16) → key (32).
const LINK: &[u8] = b"link/";
/// Most links; a person confirms fewer in years.
pub const LINKS_MAX: usize = 10_000;
/// Bytes without a name count for the linked key by this part: who sat behind an address last month is a guess.
pub const LINKED_PART: u64 = 4;
/// Most such bytes that count for one key, after [`LINKED_PART`] was taken: as much as one release may count.
pub const LINKED_BYTES_MAX: u64 = 1 << 30;

/// The links, in memory and in the store.
#[derive(Debug, Default)]
pub struct Links {
    by_address: BTreeMap<IpAddr, Key>,
}

impl Links {
    /// Reads them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut by_address = BTreeMap::new();
        for (row, key) in ground.all(Table::Local, LINK)? {
            let address: Option<[u8; 16]> = row.get(LINK.len()..).and_then(|bytes| bytes.try_into().ok());
            if let (Some(address), Ok(key)) = (address, Key::from_slice(&key)) {
                by_address.insert(IpAddr::V6(Ipv6Addr::from(address)).to_canonical(), key);
            }
        }
        Ok(Self { by_address })
    }

    /// The key that an address belongs to.
    #[must_use]
    pub fn of(&self, address: &IpAddr) -> Option<Key> {
        self.by_address.get(address).copied()
    }

    /// Addresses of a key.
    pub fn all(&self) -> impl Iterator<Item = (&IpAddr, &Key)> {
        self.by_address.iter()
    }

    /// Links an address, or takes the link away. `false`: there are too many.
    pub fn set<S: Store>(&mut self, address: IpAddr, key: Option<Key>, ground: &mut Ground<S>) -> bool {
        let address = address.to_canonical();
        match key {
            Some(_) if self.by_address.len() >= LINKS_MAX && !self.by_address.contains_key(&address) => return false,
            Some(key) => {
                self.by_address.insert(address, key);
            }
            None => {
                self.by_address.remove(&address);
            }
        }
        let value = key.map(|key| key.as_bytes().to_vec());
        ground.put(Table::Local, row(&address), value, Durability::Disk);
        true
    }
}

fn row(address: &IpAddr) -> Vec<u8> {
    let octets = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    [LINK, &octets].concat()
}

//! The table of holds: connections whose calls a person holds back.

use super::codec::{pack, unpack};
use super::tables::HOLDS;
use super::{Shared, StoreError};
use crate::model::{ConnectionId, Hold};
use redb::{ReadableTable, TableError, WriteTransaction};

pub(super) fn write_holds(
    transaction: &WriteTransaction,
    holds: &[(ConnectionId, Option<Hold>)],
) -> Result<(), StoreError> {
    if holds.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(HOLDS)?;
    for (connection, hold) in holds {
        match hold {
            Some(hold) => table.insert(connection.as_str(), pack(hold).as_slice())?,
            None => table.remove(connection.as_str())?,
        };
    }
    Ok(())
}

impl Shared {
    pub(super) fn holds(&self) -> Result<Vec<(ConnectionId, Hold)>, StoreError> {
        let table = match self.snapshot()?.open_table(HOLDS) {
            // A file of an earlier version in which nothing was ever held.
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            opened => opened?,
        };
        let rows = table.iter()?;
        rows.map(|row| {
            let (connection, hold) = row?;
            Ok((ConnectionId::from(connection.value()), unpack("hold", hold.value())?))
        })
        .collect()
    }
}

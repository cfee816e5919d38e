//! What the state keeps of connections beside what people decide: the tokens of their sign-ins, and the calls of
//! their quotas.

use super::codec::{pack, unpack};
use super::tables::{QUOTAS, TOKENS};
use super::{Shared, StoreError};
use crate::model::{ConnectionId, KeptQuota, KeptToken};
use redb::{TableDefinition, TableError, WriteTransaction};
use serde::de::DeserializeOwned;

/// What is kept of one connection from now on.
pub(super) enum KeptOf {
    Token(KeptToken),
    Quota(KeptQuota),
}

pub(super) fn write_kept(transaction: &WriteTransaction, kept: &[(ConnectionId, KeptOf)]) -> Result<(), StoreError> {
    for (connection, kept) in kept {
        match kept {
            KeptOf::Token(token) => {
                transaction.open_table(TOKENS)?.insert(connection.as_str(), pack(token).as_slice())?;
            }
            KeptOf::Quota(quota) => {
                transaction.open_table(QUOTAS)?.insert(connection.as_str(), pack(quota).as_slice())?;
            }
        }
    }
    Ok(())
}

impl Shared {
    pub(super) fn token(&self, connection: &ConnectionId) -> Result<Option<KeptToken>, StoreError> {
        self.kept(TOKENS, connection, "token")
    }

    pub(super) fn quota(&self, connection: &ConnectionId) -> Result<Option<KeptQuota>, StoreError> {
        self.kept(QUOTAS, connection, "quota")
    }

    fn kept<T: DeserializeOwned>(
        &self,
        table: TableDefinition<&str, &[u8]>,
        connection: &ConnectionId,
        what: &str,
    ) -> Result<Option<T>, StoreError> {
        let table = match self.snapshot()?.open_table(table) {
            // A file of an earlier version, or one in which there never was any.
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            opened => opened?,
        };
        table.get(connection.as_str())?.map(|row| unpack(what, row.value())).transpose()
    }
}

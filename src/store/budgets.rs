//! The table of lowered budgets: connections that a person lets make fewer calls than the configuration allows.

use super::codec::{pack, unpack};
use super::open::if_there;
use super::tables::BUDGETS;
use super::{Shared, StoreError};
use crate::model::{ConnectionId, LowBudget};
use redb::{ReadableTable, WriteTransaction};

pub(super) fn write_budgets(
    transaction: &WriteTransaction,
    budgets: &[(ConnectionId, Option<LowBudget>)],
) -> Result<(), StoreError> {
    if budgets.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(BUDGETS)?;
    for (connection, budget) in budgets {
        match budget {
            Some(budget) => table.insert(connection.as_str(), pack(budget).as_slice())?,
            None => table.remove(connection.as_str())?,
        };
    }
    Ok(())
}

impl Shared {
    pub(super) fn budgets(&self) -> Result<Vec<(ConnectionId, LowBudget)>, StoreError> {
        let Some(table) = if_there(self.snapshot()?.open_table(BUDGETS))? else { return Ok(Vec::new()) };
        let rows = table.iter()?;
        rows.map(|row| {
            let (connection, budget) = row?;
            Ok((ConnectionId::from(connection.value()), unpack("lowered budget", budget.value())?))
        })
        .collect()
    }
}

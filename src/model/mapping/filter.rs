//! Which records a job takes, by an expression.

use super::expression::{Expression, RecordNeeds};
use crate::model::RawJson;
use crate::model::pointer::PointerSet;

/// A filter expression, made ready to run.
pub struct Filter {
    expression: Expression,
    wanted: PointerSet,
    needs: RecordNeeds,
}

impl Filter {
    pub fn compile(expression: &str) -> Result<Self, String> {
        let expression = Expression::over_record(expression)?;
        let mut wanted = PointerSet::default();
        let mut needs = RecordNeeds::default();
        needs.add(&expression, &mut wanted);
        Ok(Self { expression, wanted, needs })
    }

    /// True when the expression's value is truthy; the reason when it can not be evaluated for this record.
    pub fn accepts(&self, record: &RawJson) -> Result<bool, String> {
        let found = self.wanted.find_all(record.as_str()).map_err(|error| error.to_string())?;
        Ok(self.expression.evaluate(&self.needs.context(&found)?)?.is_true())
    }
}

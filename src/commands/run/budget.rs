//! What a command may spend.

use std::sync::{Mutex, PoisonError};

/// Money that all runs of a command may spend together.
pub struct Budget {
    limit: Option<f64>,
    spent: Mutex<f64>,
}

impl Budget {
    /// At most `limit` US dollars, any sum where it is absent, of which `spent` are gone already.
    pub fn new(limit: Option<f64>, spent: f64) -> Self {
        Budget { limit, spent: Mutex::new(spent) }
    }

    /// Takes away what an attempt cost, where its agent says so.
    pub fn spend(&self, usd: Option<f64>) {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) += usd.unwrap_or_default();
    }

    /// In words, where all of it is spent.
    pub fn exhausted(&self) -> Option<String> {
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = self.limit.filter(|limit| spent >= *limit)?;
        Some(format!("${spent:.2} of --max-cost {limit} are spent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_exhausted_by_what_was_spent() {
        let budget = Budget::new(Some(0.5), 0.2);
        budget.spend(Some(0.05));
        budget.spend(None);
        assert_eq!(budget.exhausted(), None);
        budget.spend(Some(0.25));
        assert_eq!(budget.exhausted().unwrap(), "$0.50 of --max-cost 0.5 are spent");
        assert_eq!(Budget::new(None, 9.0).exhausted(), None);
    }
}

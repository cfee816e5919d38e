//! Which jobs a command means: by their names, by what several share, by their instance.

use super::Report;
use crate::model::JobId;
use crate::model::filter::{Term, Test};

/// The jobs among `known` that the names mean, in the order of the names; all where there is none. Of one instance only,
/// where one is named.
///
/// `customers` means all instances of that job, `customers@globex` one of them.
pub fn which<'a>(names: &[String], instance: Option<&str>, known: &'a [JobId]) -> Result<Vec<&'a JobId>, Report> {
    let is_of_instance = |job: &&JobId| instance.is_none_or(|instance| job.instance() == Some(instance));
    if let Some(instance) = instance.filter(|_| !known.iter().any(|job| is_of_instance(&job))) {
        return Err(Report::no_such_instance(instance, known.iter().filter_map(JobId::instance)));
    }
    if names.is_empty() {
        return Ok(known.iter().filter(is_of_instance).collect());
    }
    let mut meant: Vec<&JobId> = Vec::new();
    for name in names {
        let named: Vec<&JobId> = known.iter().filter(|job| job.is_meant_by(name)).collect();
        if named.is_empty() {
            return Err(Report::no_such_job(name, known.iter().map(JobId::as_str)));
        }
        let of_instance: Vec<&JobId> = named.into_iter().filter(is_of_instance).collect();
        if let (true, Some(instance)) = (of_instance.is_empty(), instance) {
            return Err(Report::usage(format!("instance `{instance}` has no job `{name}`"))
                .with_hint(format!("run `syncdeck status --instance {instance}` for its jobs")));
        }
        for job in of_instance {
            if !meant.contains(&job) {
                meant.push(job);
            }
        }
    }
    Ok(meant)
}

/// The jobs that a command looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Meant {
    #[default]
    All,
    Some(Vec<JobId>),
}

impl Meant {
    /// Narrows what is asked for: a single job is asked of an index, several by a condition.
    pub fn narrow(&self, job: &mut Option<JobId>, terms: &mut Vec<Term>) {
        match self {
            Self::All => {}
            Self::Some(jobs) => match jobs.as_slice() {
                [only] => *job = Some(only.clone()),
                several => terms.push(Term {
                    field: Some("job".to_owned()),
                    test: Test::Is(several.iter().map(|job| job.as_str().to_lowercase()).collect()),
                    is_not: false,
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<JobId> {
        ["customers@globex", "customers@initech", "orders@globex+a", "orders@globex+b", "stock"]
            .into_iter()
            .map(JobId::from)
            .collect()
    }

    fn meant(names: &[&str], instance: Option<&str>) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match which(&names, instance, &known()) {
            Ok(jobs) => jobs.iter().map(|job| job.as_str()).collect::<Vec<_>>().join(" "),
            Err(report) => format!("{report:?}"),
        }
    }

    #[test]
    fn a_name_that_several_jobs_share_means_all_of_them() {
        assert_eq!(meant(&["customers"], None), "customers@globex customers@initech");
        assert_eq!(meant(&["orders@globex", "stock"], None), "orders@globex+a orders@globex+b stock");
        assert_eq!(meant(&["customers@globex", "customers"], None), "customers@globex customers@initech");
    }

    #[test]
    fn one_job_is_asked_of_an_index_and_several_by_a_condition() {
        let narrowed = |meant: Meant| {
            let (mut job, mut terms) = (None, Vec::new());
            meant.narrow(&mut job, &mut terms);
            (job, terms.len())
        };
        assert_eq!(narrowed(Meant::All), (None, 0));
        assert_eq!(narrowed(Meant::Some(vec!["stock".into()])), (Some("stock".into()), 0));
        assert_eq!(narrowed(Meant::Some(known())), (None, 1));
    }

    #[test]
    fn an_instance_means_its_own_jobs() {
        assert_eq!(meant(&[], Some("globex")), "customers@globex orders@globex+a orders@globex+b");
        assert_eq!(meant(&["customers"], Some("initech")), "customers@initech");
    }

    #[test]
    fn what_is_not_there_is_told() {
        assert!(meant(&["orders"], Some("initech")).contains("instance `initech` has no job `orders`"));
        assert!(meant(&[], Some("globx")).contains("did you mean `globex`?"));
        assert!(meant(&["custmers"], None).contains("no job is called `custmers`"));
    }
}

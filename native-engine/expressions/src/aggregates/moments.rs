//! `stddev_samp`, `stddev_pop`, `var_samp`, `var_pop`, `skewness`, `kurtosis` of doubles (Spark's
//! `CentralMomentAgg`), by the same floating-point operations in the same order. NULLs are passed
//! over; no value: NULL; a sample of one: NULL (spark.sql.legacy.statisticalAggregate off).

use std::sync::Arc;

use arclight_columns::{Column, NullBuffer, Selection, SparkType};

use super::loops::{argument, each, validity};
use super::{AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::kernel::input;

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("stddev_samp", |_| Ok(moments(Statistic::StddevSamp))),
    ("stddev_pop", |_| Ok(moments(Statistic::StddevPop))),
    ("var_samp", |_| Ok(moments(Statistic::VarSamp))),
    ("var_pop", |_| Ok(moments(Statistic::VarPop))),
    ("skewness", |_| Ok(moments(Statistic::Skewness))),
    ("kurtosis", |_| Ok(moments(Statistic::Kurtosis))),
];

fn moments(statistic: Statistic) -> AggregateRef {
    Arc::new(CentralMoments { statistic })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    StddevSamp,
    StddevPop,
    VarSamp,
    VarPop,
    Skewness,
    Kurtosis,
}

impl Statistic {
    /// The highest central moment it needs.
    fn order(self) -> usize {
        match self {
            Statistic::Skewness => 3,
            Statistic::Kurtosis => 4,
            _ => 2,
        }
    }
}

/// Buffers: n, avg, m2 and, where needed, m3, m4.
#[derive(Debug)]
struct CentralMoments {
    statistic: Statistic,
}

impl AggregateFunction for CentralMoments {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![SparkType::Double; self.statistic.order() + 1]
    }
    fn data_type(&self) -> &SparkType {
        &SparkType::Double
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(MomentsState {
            statistic: self.statistic,
            order: self.statistic.order(),
            groups: Vec::new(),
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    avg: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn update(&mut self, value: f64, order: usize) {
        let new_n = self.n + 1.0;
        let delta = value - self.avg;
        let delta_n = delta / new_n;
        let new_avg = self.avg + delta_n;
        let new_m2 = self.m2 + delta * (delta - delta_n);
        if order >= 3 {
            let delta2 = delta * delta;
            let delta_n2 = delta_n * delta_n;
            let new_m3 = self.m3 - 3.0 * delta_n * new_m2 + delta * (delta2 - delta_n2);
            if order >= 4 {
                self.m4 = self.m4 - 4.0 * delta_n * new_m3 - 6.0 * delta_n2 * new_m2
                    + delta * (delta * delta2 - delta_n * delta_n2);
            }
            self.m3 = new_m3;
        }
        self.n = new_n;
        self.avg = new_avg;
        self.m2 = new_m2;
    }

    fn merge(&mut self, right: &Moments, order: usize) {
        let left = *self;
        let (n1, n2) = (left.n, right.n);
        let new_n = n1 + n2;
        let delta = right.avg - left.avg;
        let delta_n = if new_n == 0.0 { 0.0 } else { delta / new_n };
        self.n = new_n;
        self.avg = left.avg + delta_n * n2;
        self.m2 = left.m2 + right.m2 + delta * delta_n * n1 * n2;
        if order >= 3 {
            self.m3 = left.m3
                + right.m3
                + delta_n * delta_n * delta * n1 * n2 * (n1 - n2)
                + 3.0 * delta_n * (n1 * right.m2 - n2 * left.m2);
        }
        if order >= 4 {
            self.m4 = left.m4
                + right.m4
                + delta_n * delta_n * delta_n * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
                + 6.0 * delta_n * delta_n * (n1 * n1 * right.m2 + n2 * n2 * left.m2)
                + 4.0 * delta_n * (n1 * right.m3 - n2 * left.m3);
        }
    }

    /// The result, `None` for NULL.
    fn evaluate(&self, statistic: Statistic) -> Result<Option<f64>, EvalError> {
        let Moments { n, m2, m3, m4, .. } = *self;
        if n == 0.0 {
            return Ok(None);
        }
        // A product of moments that underflows to zero divides by zero: what Spark does then
        // depends on its mode, and it is rare enough to leave to it.
        let divide = |value: f64, by: f64| {
            if by == 0.0 {
                Err(EvalError::Declined("a moment underflows"))
            } else {
                Ok(value / by)
            }
        };
        Ok(match statistic {
            Statistic::StddevPop => Some((m2 / n).sqrt()),
            Statistic::VarPop => Some(m2 / n),
            Statistic::StddevSamp | Statistic::VarSamp if n == 1.0 => None,
            Statistic::StddevSamp => Some((m2 / (n - 1.0)).sqrt()),
            Statistic::VarSamp => Some(m2 / (n - 1.0)),
            Statistic::Skewness | Statistic::Kurtosis if m2 == 0.0 => None,
            Statistic::Skewness => Some(divide(n.sqrt() * m3, (m2 * m2 * m2).sqrt())?),
            Statistic::Kurtosis => Some(divide(n * m4, m2 * m2)? - 3.0),
        })
    }
}

struct MomentsState {
    statistic: Statistic,
    order: usize,
    groups: Vec<Moments>,
}

impl AggregateState for MomentsState {
    fn resize(&mut self, count: usize) {
        self.groups.resize(count, Moments::default());
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.groups[to] = self.groups[from];
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let column = argument(arguments, 0)?;
        let valid = column.logical_validity();
        let values = input::<f64>(&column)?;
        let (states, order) = (&mut self.groups[..], self.order);
        each(groups, rows, valid.as_ref(), |group, row| {
            states[group].update(values.get(row), order);
        });
        Ok(())
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let columns = (0..=self.order)
            .map(|i| argument(buffers, i))
            .collect::<Result<Vec<_>, _>>()?;
        let inputs = columns
            .iter()
            .map(input::<f64>)
            .collect::<Result<Vec<_>, _>>()?;
        let (states, order) = (&mut self.groups[..], self.order);
        let at = |i: usize, row: usize| inputs.get(i).map_or(0.0, |input| input.get(row));
        each(groups, rows, None, |group, row| {
            let other = Moments {
                n: at(0, row),
                avg: at(1, row),
                m2: at(2, row),
                m3: at(3, row),
                m4: at(4, row),
            };
            states[group].merge(&other, order);
        });
        Ok(())
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let fields: [fn(&Moments) -> f64; 5] = [|m| m.n, |m| m.avg, |m| m.m2, |m| m.m3, |m| m.m4];
        Ok(fields[..=self.order]
            .iter()
            .map(|field| {
                let values: Vec<f64> = self.groups[from..to].iter().map(field).collect();
                Column::fixed(SparkType::Double, values, None)
            })
            .collect())
    }

    fn evaluate(&self, from: usize, to: usize) -> Result<Column, EvalError> {
        optional_doubles(
            self.groups[from..to]
                .iter()
                .map(|m| m.evaluate(self.statistic)),
        )
    }

    fn memory_size(&self) -> usize {
        size_of::<Moments>() * self.groups.capacity()
    }
}

/// A column of doubles, NULL for `None`.
pub(super) fn optional_doubles(
    results: impl Iterator<Item = Result<Option<f64>, EvalError>>,
) -> Result<Column, EvalError> {
    let results = results.collect::<Result<Vec<_>, _>>()?;
    let flags: Vec<bool> = results.iter().map(Option::is_some).collect();
    let values: Vec<f64> = results.iter().map(|r| r.unwrap_or(0.0)).collect();
    let valid: Option<NullBuffer> = validity(&flags);
    Ok(Column::fixed(SparkType::Double, values, valid))
}

//! `covar_pop`, `covar_samp` (Spark's `Covariance`) and `corr` (`PearsonCorrelation`) of doubles,
//! by the same floating-point operations in the same order. Rows where either is NULL are passed
//! over; no row: NULL; one row: NULL where Spark would divide by zero.

use std::sync::Arc;

use arclight_columns::{Column, Selection, SparkType};

use super::loops::{argument, each};
use super::moments::optional_doubles;
use super::{AggregateEntry, AggregateRef};
use crate::aggregate::{AggregateFunction, AggregateState};
use crate::expression::EvalError;
use crate::kernel::{input, union_validity};

pub(super) const FUNCTIONS: &[AggregateEntry] = &[
    ("covar_pop", |_| Ok(covariance(Statistic::Population))),
    ("covar_samp", |_| Ok(covariance(Statistic::Sample))),
    ("corr", |_| Ok(covariance(Statistic::Correlation))),
];

fn covariance(statistic: Statistic) -> AggregateRef {
    Arc::new(Covariance { statistic })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    Population,
    Sample,
    Correlation,
}

impl Statistic {
    fn buffers(self) -> usize {
        match self {
            Statistic::Correlation => 6,
            _ => 4,
        }
    }
}

/// Buffers: n, xAvg, yAvg, ck and for `corr` xMk, yMk.
#[derive(Debug)]
struct Covariance {
    statistic: Statistic,
}

impl AggregateFunction for Covariance {
    fn buffer_types(&self) -> Vec<SparkType> {
        vec![SparkType::Double; self.statistic.buffers()]
    }
    fn data_type(&self) -> &SparkType {
        &SparkType::Double
    }
    fn create(&self, _grouped: bool) -> Box<dyn AggregateState> {
        Box::new(CovarianceState {
            statistic: self.statistic,
            groups: Vec::new(),
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    n: f64,
    x_avg: f64,
    y_avg: f64,
    ck: f64,
    x_mk: f64,
    y_mk: f64,
}

impl Pairs {
    fn update(&mut self, x: f64, y: f64) {
        let new_n = self.n + 1.0;
        let dx = x - self.x_avg;
        let dy = y - self.y_avg;
        let new_x_avg = self.x_avg + dx / new_n;
        let new_y_avg = self.y_avg + dy / new_n;
        self.ck += dx * (y - new_y_avg);
        self.x_mk += dx * (x - new_x_avg);
        self.y_mk += dy * (y - new_y_avg);
        self.n = new_n;
        self.x_avg = new_x_avg;
        self.y_avg = new_y_avg;
    }

    fn merge(&mut self, right: &Pairs) {
        let left = *self;
        let (n1, n2) = (left.n, right.n);
        let new_n = n1 + n2;
        let dx = right.x_avg - left.x_avg;
        let dx_n = if new_n == 0.0 { 0.0 } else { dx / new_n };
        let dy = right.y_avg - left.y_avg;
        let dy_n = if new_n == 0.0 { 0.0 } else { dy / new_n };
        self.n = new_n;
        self.x_avg = left.x_avg + dx_n * n2;
        self.y_avg = left.y_avg + dy_n * n2;
        self.ck = left.ck + right.ck + dx * dy_n * n1 * n2;
        self.x_mk = left.x_mk + right.x_mk + dx * dx_n * n1 * n2;
        self.y_mk = left.y_mk + right.y_mk + dy * dy_n * n1 * n2;
    }

    fn evaluate(&self, statistic: Statistic) -> Result<Option<f64>, EvalError> {
        if self.n == 0.0 {
            return Ok(None);
        }
        Ok(match statistic {
            Statistic::Population => Some(self.ck / self.n),
            _ if self.n == 1.0 => None,
            Statistic::Sample => Some(self.ck / (self.n - 1.0)),
            Statistic::Correlation => {
                let by = (self.x_mk * self.y_mk).sqrt();
                if by == 0.0 {
                    // A division by zero, which Spark's mode decides.
                    return Err(EvalError::Declined("corr of a constant"));
                }
                Some(self.ck / by)
            }
        })
    }
}

struct CovarianceState {
    statistic: Statistic,
    groups: Vec<Pairs>,
}

impl AggregateState for CovarianceState {
    fn resize(&mut self, count: usize) {
        self.groups.resize(count, Pairs::default());
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
        let (x, y) = (argument(arguments, 0)?, argument(arguments, 1)?);
        let valid = union_validity(&x, &y);
        let (x, y) = (input::<f64>(&x)?, input::<f64>(&y)?);
        let states = &mut self.groups[..];
        each(groups, rows, valid.as_ref(), |group, row| {
            states[group].update(x.get(row), y.get(row));
        });
        Ok(())
    }

    fn merge(
        &mut self,
        groups: &[u32],
        buffers: &[Column],
        rows: &Selection,
    ) -> Result<(), EvalError> {
        let columns = (0..self.statistic.buffers())
            .map(|i| argument(buffers, i))
            .collect::<Result<Vec<_>, _>>()?;
        let inputs = columns
            .iter()
            .map(input::<f64>)
            .collect::<Result<Vec<_>, _>>()?;
        let at = |i: usize, row: usize| inputs.get(i).map_or(0.0, |input| input.get(row));
        let states = &mut self.groups[..];
        each(groups, rows, None, |group, row| {
            let other = Pairs {
                n: at(0, row),
                x_avg: at(1, row),
                y_avg: at(2, row),
                ck: at(3, row),
                x_mk: at(4, row),
                y_mk: at(5, row),
            };
            states[group].merge(&other);
        });
        Ok(())
    }

    fn buffers(&self, from: usize, to: usize) -> Result<Vec<Column>, EvalError> {
        let fields: [fn(&Pairs) -> f64; 6] = [
            |p| p.n,
            |p| p.x_avg,
            |p| p.y_avg,
            |p| p.ck,
            |p| p.x_mk,
            |p| p.y_mk,
        ];
        Ok(fields[..self.statistic.buffers()]
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
                .map(|p| p.evaluate(self.statistic)),
        )
    }

    fn memory_size(&self) -> usize {
        size_of::<Pairs>() * self.groups.capacity()
    }
}

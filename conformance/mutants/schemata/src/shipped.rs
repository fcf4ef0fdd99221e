// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a shipped card has: not the places of the defects that were chosen.
//!
//! `mutant!(…)` is the literal `false` in every usual build, and an operator
//! that only ties it to its surroundings, or an arm that only it opens, is
//! folded away. A mutation of such code changes no card that anybody has.

use crate::list::{Genre, Mutation, Place};
use proc_macro2::Span;
use std::collections::HashSet;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Block, Expr, ExprBinary, ExprIf, ExprUnary, FieldValue, File, UnOp};

/// The numbers of the mutations that change nothing of a shipped card.
#[must_use]
pub fn not_shipped(file: &File, mutations: &[&Mutation]) -> HashSet<usize> {
    let mut search = Search::default();
    search.visit_file(file);
    let unused = |mutation: &&&Mutation| {
        let place = (mutation.genre, mutation.span.start);
        search.places.contains(&place)
    };
    let found = mutations.iter().filter(unused);
    found.map(|mutation| mutation.number).collect()
}

/// Where a span starts, counted like the list does.
pub(crate) fn place(span: Span) -> Place {
    let start = span.start();
    Place {
        line: start.line,
        column: start.column + 1,
    }
}

/// True of what is compiled with the feature `mutants` or for tests only.
pub(crate) fn is_elsewhere(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let condition = list.tokens.to_string();
                condition == "test" || condition == "feature = \"mutants\""
            })
    })
}

/// The value of an expression in a usual build, if the places alone say it.
fn folded(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Macro(call)
            if ["mutant", "flaw"]
                .iter()
                .any(|name| call.mac.path.is_ident(name)) =>
        {
            Some(false)
        }
        Expr::Paren(inner) => folded(&inner.expr),
        Expr::Unary(ExprUnary {
            op: UnOp::Not(_),
            expr,
            ..
        }) => folded(expr).map(|value| !value),
        Expr::Binary(ExprBinary {
            left, op, right, ..
        }) => {
            let (left, right) = (folded(left), folded(right));
            match op {
                BinOp::And(_) if left == Some(false) || right == Some(false) => Some(false),
                BinOp::Or(_) if left == Some(true) || right == Some(true) => Some(true),
                BinOp::And(_) | BinOp::Or(_) if left.is_some() => right,
                _ => None,
            }
        }
        _ => None,
    }
}

#[derive(Default)]
struct Search {
    /// More than 0 inside of what is folded away.
    depth: usize,
    places: HashSet<(Genre, Place)>,
}

impl Search {
    fn found(&mut self, genre: Genre, span: Span) {
        self.places.insert((genre, place(span)));
    }

    /// A function's value is changed where its first statement is.
    fn body(&mut self, block: &Block) {
        if self.depth > 0
            && let Some(first) = block.stmts.first()
        {
            self.found(Genre::FnValue, first.span());
        }
    }

    fn unless(&mut self, gone: bool, work: impl FnOnce(&mut Self)) {
        self.depth += usize::from(gone);
        work(self);
        self.depth -= usize::from(gone);
    }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.unless(is_elsewhere(&function.attrs), |search| {
            search.body(&function.block);
            visit::visit_impl_item_fn(search, function);
        });
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.unless(is_elsewhere(&function.attrs), |search| {
            search.body(&function.block);
            visit::visit_item_fn(search, function);
        });
    }

    fn visit_expr_binary(&mut self, expr: &'ast ExprBinary) {
        let (left, right) = (folded(&expr.left), folded(&expr.right));
        let (ends, joins) = match expr.op {
            BinOp::And(_) => (Some(false), true),
            BinOp::Or(_) => (Some(true), true),
            _ => (None, false),
        };
        if self.depth > 0 || joins && (left.is_some() || right.is_some()) {
            self.found(Genre::BinaryOperator, expr.op.span());
        }
        self.unless(joins && right == ends, |search| {
            search.visit_expr(&expr.left);
        });
        self.unless(joins && left == ends, |search| {
            search.visit_expr(&expr.right);
        });
    }

    fn visit_expr_unary(&mut self, expr: &'ast ExprUnary) {
        if self.depth > 0 || folded(&expr.expr).is_some() {
            self.found(Genre::UnaryOperator, expr.op.span());
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_expr_if(&mut self, expr: &'ast ExprIf) {
        let value = folded(&expr.cond);
        self.visit_expr(&expr.cond);
        self.unless(value == Some(false), |search| {
            let then: &Block = &expr.then_branch;
            search.visit_block(then);
        });
        if let Some((_, otherwise)) = &expr.else_branch {
            self.unless(value == Some(true), |search| search.visit_expr(otherwise));
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let guard = arm.guard.as_ref().map(|(_, guard)| guard);
        let value = guard.and_then(|guard| folded(guard));
        self.unless(value == Some(false), |search| {
            if search.depth > 0 {
                search.found(Genre::MatchArm, arm.span());
            }
            if let Some(guard) = guard
                && (search.depth > 0 || value.is_some())
            {
                search.found(Genre::MatchArmGuard, guard.span());
            }
            visit::visit_arm(search, arm);
        });
    }

    fn visit_field_value(&mut self, field: &'ast FieldValue) {
        if self.depth > 0 {
            self.found(Genre::StructField, field.span());
        }
        visit::visit_field_value(self, field);
    }
}

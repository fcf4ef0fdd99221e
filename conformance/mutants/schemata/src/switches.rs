// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sources with a switch at every place of the list.
//!
//! A switch is `crate::schema::on(NUMBER)`, true in the process that was given
//! that number. Both what the source says and what the mutation says are there:
//!
//! | kind | what becomes of it |
//! |---|---|
//! | value of a function | `if on(N) { return VALUE; }` in front of its body |
//! | operator | `if on(N) { a NEW b } else { a OLD b }` |
//! | operator gone | `if on(N) { a } else { !a }` |
//! | arm gone | the arm's guard becomes `!on(N) && …` |
//! | guard | `if on(N) { true } else { … }` |
//! | field from the base | `if on(N) { BASE.field.clone() } else { … }` |
//!
//! No switch can stand where the compiler computes: constants, `const fn`,
//! lengths, patterns. These mutations are left to [`crate::alone`].

use crate::error::SchemataError;
use crate::list::{Genre, Mutation, Place};
use crate::shipped::{is_elsewhere, place};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Arm, BinOp, Block, Expr, File, Stmt};

/// One source file with its switches.
pub struct Switched {
    /// Its text.
    pub text: String,
    /// The numbers that have a switch in it, in order.
    pub placed: Vec<usize>,
}

/// Parses a source file.
///
/// # Errors
/// [`SchemataError::Source`] if it does not parse.
pub fn parse(path: &Path, text: &str) -> Result<File, SchemataError> {
    syn::parse_file(text).map_err(|error| SchemataError::Source {
        path: path.to_owned(),
        line: error.span().start().line,
        error: error.to_string(),
    })
}

/// Places the switches of these mutations, all of this file. `root` is the
/// path of the crate that has the module `schema`.
///
/// # Errors
/// [`SchemataError::Source`] if a replacement does not parse, or what was
/// written does not.
pub fn place_all(
    path: &Path,
    file: &File,
    mutations: &[&Mutation],
    root: &str,
) -> Result<Switched, SchemataError> {
    let mut placing = Placing::new(path, root)?;
    for mutation in mutations {
        let at = (mutation.genre, mutation.span.start);
        let tokens = placing.tokens(mutation)?;
        placing.wanted.entry(at).or_default().push(Wanted {
            number: mutation.number,
            tokens,
        });
    }
    let mut file = file.clone();
    placing.visit_file_mut(&mut file);
    if let Some(error) = placing.error {
        return Err(error);
    }
    let text = prettyplease::unparse(&file);
    parse(path, &text)?;
    let mut placed = placing.placed;
    placed.sort_unstable();
    Ok(Switched { text, placed })
}

#[derive(Clone)]
struct Wanted {
    number: usize,
    tokens: TokenStream,
}

struct Placing<'a> {
    path: &'a Path,
    root: TokenStream,
    wanted: HashMap<(Genre, Place), Vec<Wanted>>,
    placed: Vec<usize>,
    error: Option<SchemataError>,
}

impl<'a> Placing<'a> {
    fn new(path: &'a Path, root: &str) -> Result<Self, SchemataError> {
        let root: syn::Path = syn::parse_str(root).map_err(|error| SchemataError::Source {
            path: path.to_owned(),
            line: 0,
            error: error.to_string(),
        })?;
        Ok(Self {
            path,
            root: quote!(#root),
            wanted: HashMap::new(),
            placed: Vec::new(),
            error: None,
        })
    }

    fn tokens(&self, mutation: &Mutation) -> Result<TokenStream, SchemataError> {
        let read = mutation.replacement.parse::<TokenStream>();
        read.map_err(|error| SchemataError::Source {
            path: self.path.to_owned(),
            line: mutation.span.start.line,
            error: error.to_string(),
        })
    }

    /// What is wanted there, once.
    fn take(&mut self, genre: Genre, span: Span) -> Vec<Wanted> {
        let wanted = self.wanted.remove(&(genre, place(span)));
        let wanted = wanted.unwrap_or_default();
        self.placed.extend(wanted.iter().map(|one| one.number));
        wanted
    }

    fn on(&self, number: usize) -> TokenStream {
        let root = &self.root;
        let number = proc_macro2::Literal::usize_unsuffixed(number);
        quote!(#root::schema::on(#number))
    }

    /// Writes it, or keeps why not.
    fn write<T: syn::parse::Parse>(&mut self, target: &mut T, tokens: TokenStream) {
        match syn::parse2(tokens) {
            Ok(parsed) => *target = parsed,
            Err(error) => {
                self.error.get_or_insert(SchemataError::Source {
                    path: self.path.to_owned(),
                    line: 0,
                    error: error.to_string(),
                });
            }
        }
    }

    fn body(&mut self, first: Option<Span>, block: &mut Block) {
        let Some(first) = first else {
            return;
        };
        let mut stmts = Vec::new();
        for Wanted { number, tokens } in self.take(Genre::FnValue, first) {
            let on = self.on(number);
            let mut switch = Expr::Verbatim(TokenStream::new());
            self.write(&mut switch, quote!(if #on { return #tokens; }));
            stmts.push(Stmt::Expr(switch, None));
        }
        stmts.append(&mut block.stmts);
        block.stmts = stmts;
    }

    fn binary(&mut self, expr: &mut Expr, span: Span) {
        let Expr::Binary(old) = expr.clone() else {
            return;
        };
        // `a && let Some(b) = c` is no expression of its own.
        if chains_let(&old.left) || chains_let(&old.right) {
            return;
        }
        let (left, right) = (&old.left, &old.right);
        for Wanted { number, tokens } in self.take(Genre::BinaryOperator, span) {
            let on = self.on(number);
            let before = expr.clone();
            let mut operator = old.op;
            self.write::<BinOp>(&mut operator, tokens);
            let written = quote!((if #on { #left #operator #right } else { #before }));
            self.write(expr, written);
        }
    }

    fn unary(&mut self, expr: &mut Expr, span: Span) {
        let Expr::Unary(old) = expr.clone() else {
            return;
        };
        let operand = &old.expr;
        for Wanted { number, .. } in self.take(Genre::UnaryOperator, span) {
            let on = self.on(number);
            let before = expr.clone();
            self.write(expr, quote!((if #on { #operand } else { #before })));
        }
    }
}

fn chains_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => chains_let(&binary.left) || chains_let(&binary.right),
        _ => false,
    }
}

impl VisitMut for Placing<'_> {
    fn visit_item_mut(&mut self, item: &mut syn::Item) {
        match item {
            syn::Item::Const(_) | syn::Item::Static(_) | syn::Item::Enum(_) => {}
            syn::Item::Mod(module) if is_elsewhere(&module.attrs) => {}
            _ => visit_mut::visit_item_mut(self, item),
        }
    }

    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}
    fn visit_trait_item_const_mut(&mut self, _: &mut syn::TraitItemConst) {}
    fn visit_expr_const_mut(&mut self, _: &mut syn::ExprConst) {}
    fn visit_pat_mut(&mut self, _: &mut syn::Pat) {}
    fn visit_type_mut(&mut self, _: &mut syn::Type) {}
    fn visit_generic_argument_mut(&mut self, _: &mut syn::GenericArgument) {}

    fn visit_expr_repeat_mut(&mut self, repeat: &mut syn::ExprRepeat) {
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_item_fn_mut(&mut self, function: &mut syn::ItemFn) {
        if function.sig.constness.is_some() {
            return;
        }
        let first = function.block.stmts.first().map(Spanned::span);
        visit_mut::visit_item_fn_mut(self, function);
        self.body(first, &mut function.block);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut syn::ImplItemFn) {
        if function.sig.constness.is_some() {
            return;
        }
        let first = function.block.stmts.first().map(Spanned::span);
        visit_mut::visit_impl_item_fn_mut(self, function);
        self.body(first, &mut function.block);
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let span = arm.span();
        let guard = arm.guard.as_ref().map(|(_, guard)| guard.span());
        visit_mut::visit_arm_mut(self, arm);
        if let (Some(at), Some((_, guard))) = (guard, &mut arm.guard) {
            for Wanted { number, tokens } in self.take(Genre::MatchArmGuard, at) {
                let on = self.on(number);
                let before = guard.clone();
                self.write(
                    guard.as_mut(),
                    quote!((if #on { #tokens } else { #before })),
                );
            }
        }
        for Wanted { number, .. } in self.take(Genre::MatchArm, span) {
            let on = self.on(number);
            let (token, before) = match arm.guard.take() {
                Some((token, guard)) => (token, Some(guard)),
                None => (syn::token::If::default(), None),
            };
            let mut guard = Expr::Verbatim(TokenStream::new());
            let tokens = match before {
                Some(before) => quote!(!#on && #before),
                None => quote!(!#on),
            };
            self.write(&mut guard, tokens);
            arm.guard = Some((token, Box::new(guard)));
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let binary = match expr {
            Expr::Binary(binary) => Some(binary.op.span()),
            _ => None,
        };
        let unary = match expr {
            Expr::Unary(unary) => Some(unary.op.span()),
            _ => None,
        };
        visit_mut::visit_expr_mut(self, expr);
        if let Some(span) = binary {
            self.binary(expr, span);
        }
        if let Some(span) = unary {
            self.unary(expr, span);
        }
    }

    fn visit_expr_struct_mut(&mut self, expr: &mut syn::ExprStruct) {
        let spans: Vec<_> = expr.fields.iter().map(Spanned::span).collect();
        visit_mut::visit_expr_struct_mut(self, expr);
        let Some(base) = expr.rest.clone() else {
            return;
        };
        for (field, span) in expr.fields.iter_mut().zip(spans) {
            for Wanted { number, .. } in self.take(Genre::StructField, span) {
                let on = self.on(number);
                let (name, before) = (&field.member, field.expr.clone());
                field.colon_token.get_or_insert_default();
                let written = quote!(if #on { (#base).#name.clone() } else { #before });
                self.write(&mut field.expr, written);
            }
        }
    }
}

/// Where in a written file which number decides.
#[derive(Default)]
pub struct Regions {
    /// What only this number reaches.
    pub branches: Vec<(RangeInclusive<Place>, usize)>,
    /// Both branches of a switch.
    pub switches: Vec<(RangeInclusive<Place>, usize)>,
    /// What a match is about, and the numbers that delete arms of it.
    pub matches: Vec<(RangeInclusive<Place>, Vec<usize>)>,
    /// Every mention of a number.
    pub mentions: Vec<(Place, usize)>,
}

/// Finds them.
#[must_use]
pub fn regions(file: &File) -> Regions {
    let mut regions = Regions::default();
    regions.visit_file(file);
    regions
}

fn range(span: Span) -> RangeInclusive<Place> {
    let (first, end) = (place(span), span.end());
    let last = Place {
        line: end.line,
        column: end.column + 1,
    };
    first..=last
}

fn number(expr: &Expr) -> Option<usize> {
    let Expr::Call(call) = expr else {
        return None;
    };
    let Expr::Path(path) = call.func.as_ref() else {
        return None;
    };
    let segments: Vec<_> = path.path.segments.iter().rev().take(2).collect();
    let named = matches!(segments.as_slice(), [on, schema]
        if on.ident == "on" && schema.ident == "schema");
    match call.args.first() {
        Some(Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(literal),
            ..
        })) if named => literal.base10_parse().ok(),
        _ => None,
    }
}

/// The number in `!on(N)` or `!on(N) && …`.
fn deleted(guard: &Expr) -> Vec<usize> {
    match guard {
        Expr::Unary(not) => number(&not.expr).into_iter().collect(),
        Expr::Binary(both) => [deleted(&both.left), deleted(&both.right)].concat(),
        _ => Vec::new(),
    }
}

impl<'ast> Visit<'ast> for Regions {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Some(number) = number(&Expr::Call(call.clone())) {
            self.mentions.push((place(call.span()), number));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        if let Some(number) = number(&expr.cond) {
            self.branches.push((range(expr.then_branch.span()), number));
            self.switches.push((range(expr.span()), number));
        }
        visit::visit_expr_if(self, expr);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        let guards = expr.arms.iter().filter_map(|arm| arm.guard.as_ref());
        let numbers: Vec<_> = guards.flat_map(|(_, guard)| deleted(guard)).collect();
        if !numbers.is_empty() {
            self.matches.push((range(expr.expr.span()), numbers));
        }
        visit::visit_expr_match(self, expr);
    }
}

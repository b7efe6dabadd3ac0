//! The ledger: what the database itself refuses, and what the books say after a day's work.

use contracts::OrderId;
use serde_json::{Value, json};

use crate::started::{Accounting, TOTAL};

const ENTRY: &str = "01900000-0000-7000-8000-0000000000e1";

fn entry(id: &str, postings: &[(&str, i64, &str)]) -> String {
    let rows: Vec<_> = postings
        .iter()
        .map(|(account, amount, currency)| format!("('{id}', '{account}', {amount}, '{currency}')"))
        .collect();
    let postings = if rows.is_empty() {
        String::new()
    } else {
        format!("insert into posting (entry_id, account, amount, currency) values {};", rows.join(", "))
    };
    format!(
        "begin; insert into entry (id, at, kind, memo) values ('{id}', now(), 'manual', 'by hand'); {postings} commit;"
    )
}

async fn refused(accounting: &Accounting, sql: &str) -> String {
    let error = accounting.run(sql).await.expect_err(sql);
    error.as_database_error().and_then(|error| error.constraint()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_database_refuses_an_entry_that_does_not_balance() {
    let accounting = Accounting::start().await;
    let cases = [
        (vec![("1000-EUR", 100, "EUR"), ("3000-EUR", -99, "EUR")], "entry_balanced"),
        (vec![("1000-EUR", 100, "EUR"), ("3000-USD", -100, "USD")], "entry_balanced"),
        (vec![("1000-EUR", 100, "EUR")], "entry_two_postings"),
        (vec![], "entry_two_postings"),
        (vec![("1000-EUR", 0, "EUR"), ("3000-EUR", 0, "EUR")], "posting_amount"),
        (vec![("1000-EUR", 100, "USD"), ("3000-EUR", -100, "USD")], "posting_account"),
    ];
    for (postings, constraint) in cases {
        assert_eq!(refused(&accounting, &entry(ENTRY, &postings)).await, constraint, "{postings:?}");
    }
    assert_eq!(accounting.number("select count(*) from posting").await, 0);
    accounting.end().await;
}

#[tokio::test]
async fn the_database_refuses_to_change_what_is_booked() {
    let accounting = Accounting::start().await;
    accounting.captured("tok_ok").await;
    let changes = [
        "update posting set amount = amount * 2",
        "delete from posting",
        "truncate posting",
        "update entry set memo = 'nothing'",
        "delete from entry",
        "truncate entry cascade",
    ];
    for sql in changes {
        assert_eq!(refused(&accounting, sql).await, "append_only", "{sql}");
    }
    assert_eq!(accounting.balance("1200").await, TOTAL);
    accounting.end().await;
}

#[tokio::test]
async fn the_database_refuses_postings_that_come_after_their_entry() {
    let accounting = Accounting::start().await;
    accounting.run(&entry(ENTRY, &[("1000-EUR", 5, "EUR"), ("3000-EUR", -5, "EUR")])).await.unwrap();
    let late = format!(
        "insert into posting (entry_id, account, amount, currency)
         values ('{ENTRY}', '6000-EUR', 7, 'EUR'), ('{ENTRY}', '4000-EUR', -7, 'EUR')"
    );
    assert_eq!(refused(&accounting, &late).await, "entry_closed");
    accounting.end().await;
}

#[tokio::test]
async fn the_database_refuses_a_second_capture_of_an_order() {
    let accounting = Accounting::start().await;
    let order = accounting.captured("tok_ok").await;
    let again = format!(
        "insert into entry (id, at, kind, memo, order_id) values ('{ENTRY}', now(), 'capture', 'again', '{order}')"
    );
    assert_eq!(refused(&accounting, &again).await, "entry_once_per_order");
    accounting.end().await;
}

#[tokio::test]
async fn the_trial_balance_is_zero_after_a_mix_of_everything() {
    let accounting = Accounting::start().await;
    accounting.captured("tok_ok").await;
    accounting.captured("tok_on_account").await;
    let (order, _) = accounting.invoiced().await;
    accounting.invoiced().await;
    accounting.refund(order).await.expect(200);
    let order = accounting.captured("tok_on_account").await;
    accounting.refund(order).await.expect(200);
    accounting.authorize(OrderId::generate(), "tok_ok").await.expect(200);
    let yen = json!({"memo": "capital", "postings": [
        {"account": "1000-JPY", "amount": {"amount": 5, "currency": "JPY"}},
        {"account": "3000-JPY", "amount": {"amount": -5, "currency": "JPY"}}]});
    accounting.client.post("/v1/entries", &accounting.sam(), &yen).await.expect(201);
    let trial = accounting.client.get("/v1/trial-balance", &accounting.sam()).await.expect(200).json();
    let totals = trial["totals"].as_array().unwrap();
    assert_eq!(totals.len(), 4);
    assert!(totals.iter().all(|total| total["amount"] == 0), "{totals:?}");
    let accounts = trial["accounts"].as_array().unwrap();
    let balance = |code: &str| accounts.iter().find(|it| it["code"] == code).unwrap()["balance"].clone();
    assert_eq!((balance("1200-EUR"), balance("1100-EUR")), (json!(2 * TOTAL), json!(TOTAL)));
    assert_eq!(balance("1000-JPY"), 5);
    accounting.end().await;
}

#[tokio::test]
async fn accounts_and_their_postings_are_paged() {
    let accounting = Accounting::start().await;
    for _ in 0..3 {
        accounting.captured("tok_ok").await;
    }
    let count = async |path: &str| {
        let (mut seen, mut after) = (0, String::new());
        loop {
            let page =
                accounting.client.get(&format!("{path}?limit=2{after}"), &accounting.sam()).await.expect(200).json();
            seen += page["items"].as_array().unwrap().len();
            let Value::String(next) = &page["next"] else { break seen };
            after = format!("&after={next}");
        }
    };
    assert_eq!(count("/v1/accounts").await, 40);
    assert_eq!(count("/v1/accounts/1200-EUR/postings").await, 3);
    assert_eq!(count("/v1/accounts/1200-USD/postings").await, 0);
    assert_eq!(count("/v1/entries").await, 3);
    let none = accounting.client.get("/v1/accounts/9999-EUR/postings", &accounting.sam()).await.expect(404);
    assert_eq!(none.code(), "account_not_found");
    accounting.end().await;
}

#[tokio::test]
async fn a_broken_promise_is_listed_with_its_name() {
    let accounting = Accounting::start().await;
    let (order, _) = accounting.invoiced().await;
    let other = accounting.captured("tok_on_account").await;
    let break_and_mend = [
        (format!("update payment set state = 'refunded' where order_id = '{order}'"), "refunded_without_reversal"),
        (format!("update payment set state = 'authorized' where order_id = '{order}'"), "entry_without_its_payment"),
        (format!("update provider_charge set moved = 0 where key = '{order}'"), "provider_disagrees"),
        (format!("update payment set amount = amount + 1 where order_id = '{other}'"), "customer_account_out_of_step"),
        ("update customer_account set held = 1".to_owned(), "customer_account_out_of_step"),
        ("update document_counter set last = last + 1".to_owned(), "gap_in_document_numbers"),
        ("update invoice_line set vat = vat + 1".to_owned(), "invoice_lines_do_not_add_up"),
        (
            "alter table posting disable trigger posting_append_only; update posting set amount = amount + 1"
                .to_owned(),
            "entry_not_zero",
        ),
        (
            "alter table entry disable trigger entry_append_only, drop constraint entry_order;
             update entry set kind = 'manual' where kind = 'capture'"
                .to_owned(),
            "captured_without_entry",
        ),
    ];
    for (sql, rule) in break_and_mend {
        let mut db = accounting.database.connect().await;
        let broken = sqlx::AssertSqlSafe(format!("begin; {sql}"));
        sqlx::raw_sql(broken).execute(&mut db).await.unwrap();
        let listed = accounting::db::list_violations(&mut db, 100).await.unwrap();
        assert!(listed.iter().any(|it| it.rule == rule), "{sql}: {listed:?}");
        sqlx::raw_sql("rollback").execute(&mut db).await.unwrap();
    }
    accounting.end().await;
}

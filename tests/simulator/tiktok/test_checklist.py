"""What the simulated channel promises, point by point, and the tests that show it.

The numbers are those of the fidelity checklist that the simulator was built from. A point that is not kept whole says
so in its text.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent


class Point(NamedTuple):
    """What is promised, and `file: test, test` for each place that shows it."""

    promise: str
    shown: tuple[str, ...]


POINTS: dict[int, Point] = {
    1: Point(
        "codes for unknown path, method and version (one plain loopback listener plays both hosts, without TLS)",
        ("gateway: test_unknown_path_method_and_version",),
    ),
    2: Point(
        "signature over the received bytes, forms left out",
        (
            "gateway: test_app_key_timestamp_and_signature, test_the_signature_covers_the_bytes_as_sent",
            "clients: test_nothing_else_may_be_left_out_of_the_signature, test_keys_are_sorted_by_code_unit",
            "signing: test_request_vectors",
            "decisions: test_a_label_is_uploaded_once_and_byte_by_byte",
        ),
    ),
    3: Point(
        "clock window and skew",
        ("gateway: test_app_key_timestamp_and_signature, test_the_clock_of_the_gateway_can_be_wrong",),
    ),
    4: Point("cipher missing, unexpected, foreign", ("gateway: test_shop_cipher",)),
    5: Point(
        "token missing, expired, withdrawn, scope missing; statuses mixed",
        (
            "gateway: test_tokens_and_scopes, test_the_access_token_ends_on_the_virtual_clock",
            "gateway: test_every_answer_has_a_request_id_and_failures_vary_their_data",
        ),
    ),
    6: Point(
        "token host: code once for half an hour, absolute expiry, rotation, refusal, app store without state",
        (
            "auth: test_consent_in_all_its_forms, test_a_code_works_once_and_for_half_an_hour",
            "auth: test_refresh_with_and_without_rotation",
            "openapi: test_the_token_answer_is_as_described",
        ),
    ),
    7: Point(
        "50 calls a second per endpoint, app and shop; 503; 1,000 an hour",
        (
            "gateway: test_fifty_calls_a_second_and_no_more, test_load_without_a_hint_when_to_come_back",
            "gateway: test_a_development_shop_has_a_thousand_calls_an_hour_for_everything",
        ),
    ),
    8: Point(
        "request id always; failures with data null, empty, absent",
        ("gateway: test_every_answer_has_a_request_id_and_failures_vary_their_data",),
    ),
    9: Point(
        "ids as long text, one line for each unit, uneven money",
        ("orders: test_one_line_for_each_unit_and_sums_that_fit", "states: test_partial_refund_offers"),
    ),
    10: Point(
        "unknown fields and words by switch; exchanges",
        ("search: test_unknown_words_and_fields", "reshipments: test_an_exchange_sends_another_variant"),
    ),
    11: Point(
        "page sizes, opaque tokens, moving data, reuse with other filters",
        (
            "search: test_page_sizes, test_rows_that_change_during_a_scan_come_again_at_the_end",
            "search: test_paging_by_offset_loses_rows_when_data_moves, test_tokens_are_bound_to_filters_and_time",
        ),
    ),
    12: Point(
        "CANCEL against CANCELLED",
        ("orders: test_a_cancellation_and_its_spellings", "webhooks: test_quirks_of_topics"),
    ),
    13: Point("a code beside an eligible decision", ("decisions: test_eligibility_says_what_the_decision_would_say",)),
    14: Point(
        "odd words and spellings",
        (
            "decisions: test_a_label_is_uploaded_once_and_byte_by_byte, test_what_an_order_is_eligible_for",
            "orders: test_parcels_warehouses_and_carriers",
            "quirks: test_roles_of_records_in_mixed_case",
        ),
    ),
    15: Point(
        "bundles, combined and edited returns",
        ("search: test_the_older_version_lacks_newer_fields", "states: test_edited_and_combined_returns"),
    ),
    16: Point(
        "masking of addresses",
        ("orders: test_masking_by_status_market_and_age, test_what_stays_open_of_a_masked_address",),
    ),
    17: Point(
        "replacement and exchange orders",
        ("states: test_replacement_makes_a_new_order", "reshipments: test_an_exchange_sends_another_variant"),
    ),
    18: Point(
        "reasons by market, status and case; retired ones",
        (
            "decisions: test_reject_reasons_by_market_status_and_age",
            "reasons: test_every_key_in_its_market_case_and_status",
        ),
    ),
    19: Point(
        "all states, actors and clocks; deadlines only as next actions",
        (
            "states: test_the_table_covers_every_published_state, test_every_decision_in_every_state",
            "states: test_codes_of_refusals_over_the_wire, test_a_return_from_request_to_money",
        ),
    ),
    20: Point(
        "virtual clocks; the system approves, the role stays",
        ("states: test_when_the_sellers_clock_runs_out_the_platform_approves, test_the_other_clocks",),
    ),
    21: Point(
        "the platform and the seller's automation decide by themselves",
        (
            "states: test_the_platform_decides_by_itself, test_keeping_the_item_and_quick_refund",
            "decisions: test_automation_can_decide_between_read_and_write",
        ),
    ),
    22: Point(
        "who ships how; arrival without a status",
        ("states: test_a_return_from_request_to_money", "quirks: test_a_number_typed_in_by_the_buyer"),
    ),
    23: Point("offers and the answer to them", ("states: test_partial_refund_offers",)),
    24: Point("arbitration both ways", ("states: test_arbitration",)),
    25: Point(
        "idempotency keys, their memory, and calls without",
        (
            "decisions: test_a_key_repeats_the_first_answer",
            "decisions: test_keys_are_forgotten_after_a_while_and_refusals_are_not_remembered",
            "quirks: test_a_cancellation_by_the_seller_has_no_key",
        ),
    ),
    26: Point(
        "label upload once, PDF only, listed carriers",
        (
            "decisions: test_a_label_is_uploaded_once_and_byte_by_byte, test_labels_that_are_refused",
            "clients: test_a_label_for_a_parcel_instead_of_a_return",
        ),
    ),
    27: Point(
        "the batch model",
        (
            "batch: test_only_what_is_whitelisted_comes_back, test_one_sku_accepted_and_one_refused",
            "batch: test_the_parcel_is_judged_by_itself, test_code_0_with_failures_inside",
            "batch: test_units_of_one_sku_where_the_shop_lets_them_be_decided_apart",
            "webhooks: test_events_of_the_batch_model_come_in_addition",
        ),
    ),
    28: Point("seller-started returns by market", ("decisions: test_seller_started_returns_obey_the_market",)),
    29: Point(
        "a cancellation ends by shipping; 24 hours in the US",
        (
            "orders: test_how_cancellations_end_by_themselves",
            "orders: test_an_order_shipped_too_late_is_let_go_and_in_asia_until_the_carrier_has_it",
        ),
    ),
    30: Point("completed orders refuse", ("states: test_finished_orders_refuse_new_cases",)),
    31: Point(
        "money lags, statements come later",
        (
            "finance: test_a_refund_is_complete_before_any_statement_tells_of_it",
            "finance: test_the_money_of_one_order_by_sku",
        ),
    ),
    32: Point("pictures", ("decisions: test_evidence_needs_an_uploaded_picture",)),
    33: Point(
        "webhook signature and bytes",
        ("webhooks: test_signed_over_app_key_and_bytes", "signing: test_webhook_vectors"),
    ),
    34: Point(
        "three seconds, four retries, then never",
        (
            "webhooks: test_retries_after_2_min_30_min_3_h_12_h_and_then_never",
            "webhooks: test_a_slow_receiver_counts_as_failed, test_an_answer_ends_it_and_401_is_an_answer",
        ),
    ),
    35: Point("duplicates, order, delay, loss", ("webhooks: test_duplicates_loss_delay_and_order",)),
    36: Point(
        "odd envelopes and unknown types",
        ("webhooks: test_quirks_of_topics", "quirks: test_a_webhook_of_an_unknown_type"),
    ),
    37: Point(
        "event before index and index before event",
        ("search: test_the_index_can_lag_behind", "webhooks: test_duplicates_loss_delay_and_order"),
    ),
    38: Point("subscriptions", ("webhooks: test_subscriptions_replace_and_vanish",)),
    39: Point(
        "the end of an authorisation",
        (
            "webhooks: test_the_end_of_an_authorisation_is_announced_daily",
            "auth: test_giving_up_an_authorisation",
        ),
    ),
}


def test_all_points_are_there() -> None:
    assert list(POINTS) == list(range(1, 40))


@pytest.mark.parametrize("number", POINTS)
def test_every_point_is_shown_by_tests_that_exist(number: int) -> None:
    for line in POINTS[number].shown:
        file, _, names = line.partition(": ")
        tree = ast.parse((HERE / f"test_{file}.py").read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert set(names.split(", ")) <= there, line

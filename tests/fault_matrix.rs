//! The fault matrix: each fault that a sync must survive, and the tests that hold what is promised of it.
//!
//! A row is proved by tests and stories (`tests/stories/NAME.toml`) that exist and name it, or it waits for a later version.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the matrix: its number, the fault in a few words, and what is known of it.
struct Row {
    number: u32,
    fault: &'static str,
    proof: Proof,
}

enum Proof {
    /// Names of tests and stories.
    Tests(&'static [&'static str]),
    /// Not in this version, and why.
    Later(&'static str),
}

const fn proved(number: u32, fault: &'static str, tests: &'static [&'static str]) -> Row {
    Row { number, fault, proof: Proof::Tests(tests) }
}

const fn later(number: u32, fault: &'static str, why: &'static str) -> Row {
    Row { number, fault, proof: Proof::Later(why) }
}

/// The rows of the matrix: 1 to this.
const LAST: u32 = 120;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    proved(1, "killed while a page is fetched", &["a_crash_before_a_write_leaves","a_first_listing_full_of_tombstones_after_a_crash","a_kill_in_every_page","nothing_is_lost_and_nothing_is_written_twice_over_kills_at_random_instants",]),
    proved(2, "killed while a page is mapped", &["a_crash_before_a_write_leaves",]),
    proved(3, "killed before a write leaves", &["a_crash_before_a_write_leaves","a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing","a_kill_among_creates_with_a_lookup","a_timeout_before_the_write_was_applied","nothing_is_made_twice_over_kills_at_random_instants",]),
    proved(4, "killed after the destination applied a write, before its answer is seen", &["a_crash_after_writes_before_their_commit","a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing","a_kill_among_creates_with_a_lookup","a_kill_among_creates_with_keys","a_record_that_was_written_unseen_before_a_kill_and_is_deleted_after_it_is_deleted_at_the_destination","a_timeout_after_the_write_was_applied","in_doubt_what_went_back_is_written_and_what_may_have_arrived_is_deleted","nothing_is_made_twice_over_kills_at_random_instants","what_turned_bad_in_doubt_and_was_deleted_is_deleted","what_was_created_in_doubt_and_deleted_is_deleted","what_was_in_doubt_and_went_back_is_written",]),
    proved(5, "killed after the answer, before the commit", &["a_crash_after_writes_before_their_commit","a_crash_that_loses_the_last_commits","a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing","a_kill_among_creates_with_a_lookup","nothing_is_made_twice_over_kills_at_random_instants",]),
    proved(6, "killed inside a commit", &["a_crash_that_loses_the_last_commits","a_run_that_a_crash_cut_off_is_interrupted_and_its_pages_stay","a_torn_file_opens_at_a_commit_that_was_whole_or_is_refused",]),
    proved(7, "killed in the middle of a page, half applied", &["a_crash_after_writes_before_their_commit",]),
    proved(8, "told to stop once, then twice", &["a_kill_in_every_page","a_pause_in_the_middle","a_signal_ends_the_console_in_order_and_restores_the_terminal","a_stop_finishes_the_writes_in_flight_and_leaves_the_rest_to_the_next_engine","a_stopped_run_once_tells_each_job_as_stopped","the_first_signal_finishes_the_pages_saves_them_and_says_so","the_second_signal_leaves_at_once_and_is_as_safe_as_a_kill",]),
    proved(9, "a power cut tears the state file", &["a_crash_that_loses_the_last_commits","a_file_that_rotted_never_panics_at_opening_and_never_starts_anew","a_torn_file_opens_at_a_commit_that_was_whole_or_is_refused",]),
    proved(10, "the state file is empty, garbage or of another version", &["a_state_file_that_is_none_is_refused_and_left_as_it_is","a_state_file_that_was_cut_short_is_refused_or_opens_and_never_begins_anew_in_silence","a_state_of_a_newer_program_is_refused","what_is_no_state_is_refused_and_left_as_it_is",]),
    proved(11, "the state file is lost altogether", &["a_lost_state_file","a_lost_state_file_and_a_lookup",]),
    proved(12, "the state is of another configuration", &["a_changed_destination_stops_the_job_with_the_difference_and_accept_lets_it_go_on", "a_changed_destination_waits_for_a_person", "a_job_for_another_system_is_forgotten_and_writes_everything_there", "an_engine_that_runs_already_is_told_what_was_accepted", "another_system_is_noticed_where_its_address_comes_from_a_variable","a_changed_key_waits_for_a_person","a_changed_map_and_a_crash","a_changed_map_reads_everything_again","a_record_that_the_filter_refuses_is_remembered","no_order_but_an_acceptance_sets_a_job_going_whose_destination_changed","what_was_written_to_another_system_is_forgotten_and_everything_is_written_to_this_one",]),
    proved(13, "the disk is full, or broken", &["a_broken_disk","a_broken_disk_fails_every_write_until_it_is_mended","a_full_disk","a_full_disk_saves_nothing_of_the_page_and_a_mended_one_goes_on",]),
    proved(14, "the state folder is missing, read-only or another's", &["a_folder_in_which_nothing_may_be_made_is_told","a_folder_that_can_not_be_used_is_named","a_state_folder_that_can_not_be_used_is_told_before_any_request",]),
    proved(15, "another process holds the state", &["a_second_process_is_told_who_holds_the_state_and_a_kill_frees_it","who_comes_second_is_told_who_holds_the_state",]),
    proved(16, "two engines write to one destination", &["a_run_that_was_overtaken_can_not_write",]),
    proved(17, "a lock that a kill left behind", &["a_holder_file_that_a_crash_left_behind_is_no_lock","a_second_process_is_told_who_holds_the_state_and_a_kill_frees_it",]),
    proved(18, "too few file descriptors, bounded queues", &["a_slow_destination_holds_the_source_back","too_few_open_files_are_told_before_anything_begins",]),
    proved(19, "the clock is set back, or far on", &["a_clock_that_is_set_is_seen_and_one_that_drifts_is_not","a_clock_that_was_set_back_keeps_no_job_waiting_for_longer_than_its_schedule","a_clock_that_was_set_back_makes_no_listing_begin_later","a_schedule_outlives_the_process",]),
    proved(20, "daylight saving, and times without a zone", &["a_fixed_time_that_the_autumn_repeats_runs_once","a_fixed_time_that_the_spring_skips_runs_once_after_the_gap",]),
    proved(21, "a record comes with a time before the watermark", &["late_commit_behind_the_watermark","the_next_listing_begins_behind_the_watermark",]),
    proved(22, "a long transaction commits behind the watermark", &["late_commit_behind_the_watermark",]),
    proved(23, "equal times over a page's border", &["a_tie_over_a_page_border","of_one_instant_the_greatest_id_is_the_watermark",]),
    proved(24, "a new record of the watermark's very time, with a smaller id", &["a_tie_over_a_page_border",]),
    proved(25, "times of another precision, fractions that are longer as text and earlier as time", &["times_of_another_precision",]),
    proved(26, "a record without a time", &["a_record_without_a_version",]),
    proved(27, "a cursor that has expired", &["a_cursor_of_an_older_configuration_begins_the_listing_again","a_cursor_that_expires","a_cursor_that_expires_between_runs","a_cursor_that_the_source_no_longer_knows_is_expired","a_sorted_listing_whose_cursors_expire","cursors_that_always_expire","without_its_cursor_a_sorted_listing_goes_on_behind_what_it_gave_and_an_unsorted_one_begins_anew",]),
    proved(28, "a cursor that repeats", &["a_cursor_that_repeats","the_same_page_always_gives_the_same_cursor",]),
    proved(29, "a short or empty page while more follow", &["an_empty_page_while_more_follow","numbered_pages_end_with_an_empty_one_and_not_with_a_short_one","only_a_missing_token_ends_a_listing_of_tokens",]),
    proved(30, "records slide to earlier pages while they are listed", &["a_listing_that_slides_deletes_nothing_that_is_there","rows_that_slide_to_earlier_pages",]),
    proved(31, "the same record twice on a page, or on two", &["of_equal_ids_on_a_page_the_greatest_version_counts_and_else_the_last","the_same_record_on_two_pages","the_same_record_twice_on_a_page",]),
    proved(32, "records change while they are listed", &["a_listing_that_lasted_long_is_followed_by_one_that_begins_so_much_earlier","changes_behind_a_long_listing","the_same_record_on_two_pages",]),
    proved(33, "a total that is wrong or missing", &["a_wrong_total","numbered_pages_end_with_an_empty_one_and_not_with_a_short_one",]),
    proved(34, "a next link to another host", &["a_next_address_elsewhere_is_refused_by_name","a_next_link_to_another_host_is_fatal_and_nothing_is_sent_there",]),
    proved(35, "a web page in place of an answer", &["a_login_page_with_200_is_transient_and_shown_without_controls","a_web_page_in_answer_to_a_write_is_done_again","a_web_page_instead_of_an_answer",]),
    proved(36, "an answer that is cut short", &["a_body_that_is_cut_short_is_an_error_and_no_answer","a_chunked_body_without_its_end_is_an_error_and_no_answer","a_cut_answer_and_trailing_text_are_errors","a_cut_body_is_shorter_than_its_length_says","a_truncated_page","of_a_page_that_is_cut_no_record_is_used",]),
    proved(37, "an answer without content", &["an_empty_answer","an_empty_answer_is_a_fault_and_not_the_end",]),
    proved(38, "an error told in a 200 answer, or no list where it should be", &["an_answer_without_the_array_of_records_is_a_fault_that_says_what_stands_there","an_error_told_in_a_200","an_error_told_in_a_200_answer_is_a_fault_even_beside_records",]),
    proved(39, "a page of 100 MB", &["a_page_beyond_the_limit_is_fatal_with_the_way_out","an_answer_beyond_the_limit_is_refused_whether_it_tells_its_length_or_not",]),
    proved(40, "one field of 10 MB", &["a_field_of_10_mb_arrives_whole_and_is_in_no_list_and_no_log","a_value_of_a_megabyte_is_drawn_as_fast_as_a_short_one",]),
    proved(41, "nesting 100,000 deep", &["a_record_nested_10_000_deep_is_read","a_record_nested_a_hundred_thousand_deep_is_a_slice_like_any_other","a_record_nested_too_deep_does_not_break_its_page","deep_nesting_does_not_overflow_the_stack","nesting_10_000_deep_is_copied_or_refused",]),
    proved(42, "bytes that are no UTF-8", &["an_answer_that_is_not_utf8_names_the_byte",]),
    proved(43, "half of a surrogate pair", &["a_lone_surrogate_elsewhere_is_passed_over","a_lone_surrogate_in_one_record_leaves_the_page_whole",]),
    later(44, "a NUL in a text for a SQL destination", "no connection but `rest` writes yet, and JSON holds a NUL"),
    proved(45, "equal keys in one object", &["of_equal_keys_the_last_counts","of_equal_keys_the_last_counts_in_copies_and_expressions",]),
    proved(46, "numbers beyond what a float holds", &["what_is_only_copied_arrives_as_it_was_read",]),
    proved(47, "NaN and Infinity", &["no_number_at_all",]),
    proved(48, "an id that is null, empty or missing", &["a_record_without_a_key_is_unreadable","records_without_a_key",]),
    proved(49, "an id with slashes, dots, spaces and control characters", &["a_record_that_can_not_be_an_item_fails_alone_and_the_rest_is_sent","an_encoded_id_reaches_the_system_as_it_was_written","an_id_is_one_segment_of_the_path_whatever_it_holds","an_id_that_walks_is_that_records_fault_and_is_not_asked_for","an_id_that_walks_or_is_empty_is_refused_because_no_address_can_hold_it","an_id_that_would_reach_another_place_is_that_records_fault_and_is_never_sent","an_inserted_value_is_one_segment_of_the_address","dots_never_walk_to_another_address","odd_ids_stay_one_path_segment",]),
    proved(50, "ids that differ in case, padding or form", &["a_lookup_that_finds_two","an_id_is_kept_exactly","odd_ids_stay_one_path_segment",]),
    proved(51, "an id that becomes of another type", &["an_id_of_another_type_than_the_key_type_says_is_unreadable","an_id_that_becomes_of_another_type","an_integer_id_that_becomes_a_text",]),
    proved(52, "an id that is used again after its delete", &["a_flagged_record_under_its_own_id_comes_back","a_tombstone_deletes",]),
    proved(53, "429 with a Retry-After of every kind", &["a_retry_after_date_counts_from_the_date_of_the_answer","a_retry_after_in_seconds_is_read","a_retry_after_that_is_garbage_or_missing_is_none","throttled_and_overloaded_systems_say_when_to_come_back","throttled_at_the_source","throttled_until_a_date","throttled_with_garbage","throttled_with_seconds",]),
    proved(54, "a Retry-After of a day, or in the past", &["a_retry_after_in_the_past_is_at_once_and_one_far_off_is_told_whole","throttled_for_a_day","throttled_for_a_day_and_triggered","throttled_for_a_day_once",]),
    proved(55, "an outage", &["a_batch_in_an_outage","a_probe_of_a_system_that_is_down_is_transient","an_outage_among_creates_that_only_a_person_can_settle","an_outage_of_the_destination","an_outage_of_the_source","once_in_an_outage","the_only_record_in_an_outage",]),
    proved(56, "a write whose answer is lost", &["a_create_whose_answer_is_lost_is_looked_up","a_timeout_after_a_delete_was_applied","a_timeout_after_the_write_was_applied","a_write_that_broke_after_it_was_sent_is_unknown_and_a_read_is_not","a_write_whose_answer_was_lost_is_unknown_and_the_same_request_can_be_sent_again","nothing_is_made_twice_over_kills_at_random_instants",]),
    proved(57, "a create whose answer is lost", &["a_create_in_doubt_waits_for_a_person","a_create_sent_again_at_least_once","a_create_that_a_person_found_absent","a_create_whose_answer_is_lost_is_looked_up","a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing","a_key_that_has_expired_is_not_repeated","a_key_that_is_in_use","a_kill_among_creates_that_only_a_person_can_settle","a_kill_among_creates_with_a_lookup","a_kill_among_creates_with_keys","a_lookup_before_a_create_whose_answer_is_lost","a_lookup_updates_what_it_finds_and_makes_the_rest","a_write_that_never_left_is_transient","an_outage_among_creates_that_only_a_person_can_settle","nothing_is_made_twice_over_kills_at_random_instants",]),
    proved(58, "a request that arrives twice", &["the_same_batch_has_the_same_key_and_another_one_another",]),
    proved(59, "a broken, dripping or silent connection", &["a_connection_that_closes_without_a_word_counts_as_sent","a_slow_drip_ends_with_the_whole_requests_timeout","a_system_that_never_answers_times_out_and_counts_as_sent","a_timeout_before_the_write_was_applied","a_truncated_page",]),
    proved(60, "redirects without end, and of writes", &["a_probe_of_an_endless_redirect_is_fatal_and_says_what_to_mend","a_read_follows_five_redirects_of_its_origin_and_no_sixth","a_redirect_that_was_not_followed_is_fatal_and_names_its_place_without_the_query","a_write_follows_only_redirects_that_keep_it_a_write",]),
    proved(61, "a redirect to another host", &["a_redirect_that_was_not_followed_is_fatal_and_names_its_place_without_the_query","a_redirect_to_another_origin_is_handed_up_and_nothing_is_sent_there",]),
    proved(62, "a certificate that nobody vouches for", &["a_certificate_of_an_unknown_authority_is_refused_for_good_and_passes_where_its_authority_is_named","an_expired_certificate_and_one_of_another_name_are_refused_although_their_authority_is_trusted","no_redirect_leads_from_https_to_http_even_where_its_host_is_allowed",]),
    proved(63, "a token that is refused in the middle of a run", &["a_new_token_that_is_refused_too_parks_the_job_and_nothing_is_dead_lettered","a_token_that_is_revoked_in_the_middle_of_a_run_is_renewed_once_and_the_run_goes_on","credentials_that_are_refused","refused_credentials_are_fatal_and_the_hint_says_what_to_renew",]),
    proved(64, "one record is forbidden, or all are", &["a_forbidden_record","a_forbidden_write_is_one_records_and_a_forbidden_read_is_the_jobs","everything_is_forbidden","forbidden_from_some_moment_on",]),
    proved(65, "an update of a record that is gone at the destination", &["an_orphan_becomes_a_dead_letter","an_orphan_is_created_again","an_orphan_is_ignored","an_orphan_under_its_own_id_becomes_a_dead_letter","an_orphan_under_its_own_id_is_made_again","an_update_of_a_record_that_is_gone_says_so",]),
    proved(66, "the destination keeps another value than it was sent", &["what_the_destination_shortens_becomes_a_dead_letter","what_the_destination_shortens_is_told",]),
    proved(67, "a version conflict at the destination", &["a_newer_version_at_the_destination","a_newer_version_that_is_none_of_ours","the_version_seen_last_is_sent_with_updates_and_never_with_creates",]),
    proved(68, "a batch of which parts failed", &["a_batch_can_answer_in_parts_short_or_shuffled","a_batch_with_failed_parts","each_part_of_a_mixed_answer_is_classified_alone",]),
    proved(69, "a batch whose answer is short, long or shuffled", &["a_batch_can_answer_in_parts_short_or_shuffled","a_batch_that_names_its_records","a_batch_with_a_short_answer","a_batch_with_a_shuffled_answer","an_answer_with_more_or_fewer_parts_than_records_is_unknown_as_a_whole","parts_in_another_order_are_matched_by_the_ids_that_they_repeat","parts_that_name_some_of_the_records_in_other_places_are_unknown_as_a_whole",]),
    proved(70, "a batch that is too large", &["a_batch_size_that_is_learnt","a_batch_that_is_refused_whole","a_batch_that_is_too_large","a_batch_that_is_too_large_is_refused_whole","a_batch_that_is_too_large_says_so_as_a_whole",]),
    proved(71, "a record that is always refused", &["a_careful_retry_stops_at_a_new_kind_of_error","a_careful_retry_whose_first_letter_fails_sends_no_other","a_correction_is_delivered_and_offered_again","a_correction_of_a_value_that_can_not_be_mapped","a_correction_that_is_refused_as_well","a_poison_record_among_good_ones","a_record_that_always_breaks_the_destination","a_retry_that_fails_again","a_run_with_bad_records_ends_with_status_3_and_every_document_has_the_same_figures","attempts_of_a_poison_record_have_an_end","the_only_record_always_breaks_the_destination",]),
    proved(72, "all records are refused", &["everything_fails","everything_fails_after_a_long_time",]),
    later(73, "a constraint fails in a write of many rows", "SQL connections are not in this version"),
    later(74, "a deadlock, or a connection lost at COMMIT", "SQL connections are not in this version"),
    proved(75, "a system restarts in the middle", &["a_refused_connection_was_certainly_not_sent","an_outage_of_the_destination","an_outage_of_the_source",]),
    proved(76, "a retry of a record that changed or went meanwhile", &["a_careful_retry_of_what_is_delivered_already","a_correction_is_delivered_and_offered_again","a_correction_is_not_undone_by_a_full_run","a_correction_of_a_record_that_was_mended_meanwhile","a_letter_that_is_mended_and_retried","a_letter_that_is_retried_as_it_was","a_letter_whose_record_is_deleted","a_preview_asks_the_source","a_retry_of_a_record_that_the_source_has_no_more","a_retry_of_an_old_copy_over_something_newer","what_the_source_changed_since_is_newer_than_the_correction",]),
    proved(77, "a retry that is killed half-way, or done twice", &["a_careful_retry_goes_on_after_a_kill","a_careful_retry_is_stopped_by_a_person","a_careful_retry_stops_at_a_new_kind_of_error","a_careful_retry_while_the_engine_is_stopped","a_careful_retry_whose_first_letter_fails_sends_no_other","a_letter_leaves_the_queue_only_when_its_record_was_delivered","a_long_careful_retry_makes_way_for_its_job","a_retry_that_is_killed_half_way",]),
    proved(78, "a million dead letters", &["a_hundred_thousand_letters_are_kept_listed_and_moved",]),
    proved(79, "a webhook that is not signed rightly", &["a_webhook_that_is_not_signed_rightly_is_refused_without_a_word","what_is_not_signed_rightly_is_refused",]),
    proved(80, "a webhook that is captured and sent again later", &["a_signed_time_more_than_five_minutes_off_is_refused_both_ways",]),
    proved(81, "an event that is delivered twice", &["an_event_that_is_delivered_twice_is_processed_once_after_a_restart_too","every_event_that_was_answered_has_exactly_one_effect_over_kills_at_random_instants",]),
    proved(82, "events out of order", &["an_older_version_is_stale","an_older_version_is_stale_and_an_equal_one_is_not","an_older_version_never_overwrites_a_newer_one_over_restarts_too","every_event_that_was_answered_has_exactly_one_effect_over_kills_at_random_instants",]),
    proved(83, "killed after an event was answered", &["an_event_that_was_answered_survives_the_death_of_the_process",]),
    proved(84, "a webhook that is huge, slow or compressed", &["a_body_beyond_the_limit_is_not_read","ten_thousand_headers_a_huge_head_and_a_compressed_body_are_refused","who_sends_slowly_is_not_waited_for",]),
    proved(85, "a flood of webhooks", &["a_full_inbox_sends_events_away_and_loses_none_that_it_took","who_comes_too_early_is_told_when_to_come_back",]),
    proved(86, "webhooks to other places and by other methods", &["other_ways_and_other_places_are_refused_without_details",]),
    proved(87, "an event that never comes", &["what_no_webhook_told_of_is_found_when_nothing_is_heard_for_too_long",]),
    proved(88, "the source is suddenly empty, or deletes come in a storm", &["a_delete_storm_is_withheld","a_list_of_pending_work","a_retry_of_a_record_that_the_source_has_no_more","an_empty_listing_deletes_nothing","too_many_tombstones_are_withheld","what_is_beyond_the_limit_is_withheld_and_all_that_follows",]),
    proved(89, "a listing that fails half-way where missing records are deleted", &["a_kill_during_a_sweep","a_list_of_pending_work","a_listing_that_fails_half_way_deletes_nothing","a_listing_that_slides_deletes_nothing_that_is_there","a_whole_listing_is_complete_only_when_what_it_left_out_was_looked_for","pages_of_two_listings_are_no_whole_one","what_a_listing_of_changes_leaves_out_is_not_deleted","what_a_whole_listing_leaves_out_is_deleted",]),
    later(90, "an echo of our own write", "`two_way` is not in this version"),
    later(91, "an echo that the destination changed", "`two_way` is not in this version"),
    later(92, "both sides change one record", "`two_way` is not in this version"),
    proved(93, "a tombstone of what changes, is gone or comes again", &["a_bare_tombstone_sets_a_flag_alone","a_bare_tombstone_sets_a_flag_beside_what_was_written","a_flagged_record_that_changes_once_more","a_tombstone_deletes","a_tombstone_sets_a_flag","nothing_rises_from_the_dead","nothing_rises_from_the_dead_but_what_is_newer",]),
    later(94, "clocks of two sides that differ", "`two_way` is not in this version"),
    proved(95, "tombstones that are gone before they were read", &["a_change_log_that_was_purged",]),
    later(96, "a first run over two full sides", "`two_way` is not in this version"),
    proved(97, "mistakes in the configuration", &["all_mistakes_are_told_at_once_with_their_mends","all_mistakes_of_a_configuration_are_told_before_any_request","jobs_that_feed_each_other_are_warned_of_once",]),
    proved(98, "the configuration changes while it is served", &["a_configuration_that_changed_on_disk_is_told_until_it_is_as_it_was",]),
    proved(99, "secrets in what is written and shown", &["a_configuration_never_shows_a_secret","a_secret_comes_out_nowhere_even_where_the_other_side_says_it_back","a_secret_stands_in_no_process_s_command_line","mistakes_never_show_a_secret_that_stands_in_the_file","no_token_is_in_the_state_file_or_in_what_a_system_echoed",]),
    proved(100, "a secret that a system says back", &["a_refresh_token_goes_in_the_body_with_the_client_where_that_is_configured","a_secret_comes_out_nowhere_even_where_the_other_side_says_it_back","a_secret_that_the_system_echoes_is_masked_everywhere","no_token_is_in_the_state_file_or_in_what_a_system_echoed",]),
    proved(101, "control characters and hidden ones in everything foreign", &["hostile_answers_and_refusals_are_shown_safely","hostile_text_stays_in_its_place_on_every_screen","nothing_foreign_reaches_the_terminal_as_it_is","nothing_of_a_hostile_record_reaches_a_terminal_or_a_log_as_it_is",]),
    proved(102, "such characters in JSON", &["a_hostile_record_is_one_valid_line_of_json_and_means_the_same","a_record_that_came_with_line_ends_is_one_line_with_its_digits","what_a_terminal_would_obey_is_escaped_and_means_the_same",]),
    proved(103, "formulas in CSV", &["no_cell_of_a_table_is_a_formula_and_every_row_is_one_row",]),
    later(104, "a file destination that data names", "file connections are not in this version"),
    later(105, "a file that changes while it is read", "file connections are not in this version"),
    later(106, "a file source that is no file", "file connections are not in this version"),
    proved(107, "an answer that inflates", &["the_limit_counts_inflated_bytes",]),
    proved(108, "thousands of headers, or a huge one", &["a_flood_of_headers_or_a_huge_one_is_an_error",]),
    later(109, "SQL in names and values", "SQL connections are not in this version"),
    proved(110, "line breaks in ids and tokens", &["a_line_break_in_a_configured_header_is_refused_without_telling_the_value","a_line_break_in_a_header_is_that_records_fault_and_is_never_sent",]),
    proved(111, "templates in data", &["data_is_never_a_template",]),
    proved(112, "another user at the control socket, or one left by a kill", &["a_socket_that_a_crash_left_is_recognised_and_replaced",]),
    proved(113, "state and logs that others may read", &["state_and_logs_are_for_their_owner_alone_whatever_the_umask","the_folder_and_its_files_are_for_their_owner_alone",]),
    proved(114, "the terminal goes, is tiny or can do nothing", &["a_panic_gives_the_terminal_back_and_is_read_afterwards","a_signal_to_end_gives_the_terminal_back","a_terminal_that_goes_away_ends_the_console_even_without_a_signal",]),
    proved(115, "nobody reads the output", &["a_reader_that_goes_away_causes_no_panic",]),
    proved(116, "a pause in the middle, and during backoff", &["a_pause_during_backoff","a_pause_in_an_outage","a_pause_in_the_middle","a_pause_that_is_taken_back_at_once","a_pause_while_the_source_is_away","a_paused_job_refuses_to_run_says_why_and_how_to_go_on","a_stop_does_not_wait_for_a_source_that_gives_no_answer",]),
    later(117, "a repair while a sync runs", "`reconcile` is not in this version"),
    later(118, "a repair over ten million keys", "`reconcile` is not in this version"),
    proved(119, "the source's records take another shape", &["a_source_that_changes_its_records","what_is_new_gone_or_of_another_kind_is_told_with_the_number_of_records","a_new_shape_of_the_source_is_a_finding_for_a_day",]),
    proved(120, "a name that is not found, proxies, IPv6", &["a_name_that_is_not_found_is_transient_and_nothing_was_sent","a_system_is_reached_over_ipv6",]),
];

/// What the tree says of its tests.
#[derive(Default)]
struct Tree {
    tests: BTreeSet<String>,
    /// The rows that each test names, and where.
    marks: BTreeMap<String, BTreeSet<u32>>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

/// The numbers in a comment that speaks of the matrix.
fn rows_of(comment: &str) -> BTreeSet<u32> {
    comment.split(|scalar: char| !scalar.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// The name of the function that a line begins to define.
fn function_of(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_definition = matches!(before.trim(), "" | "async" | "pub" | "pub async");
    let name = after.split(|scalar: char| !scalar.is_alphanumeric() && scalar != '_').next()?;
    (is_definition && !name.is_empty()).then_some(name)
}

impl Tree {
    fn read() -> Self {
        let mut tree = Self::default();
        for path in files(&root().join("src"), "rs").into_iter().chain(files(&root().join("tests"), "rs")) {
            tree.take_source(&fs::read_to_string(path).expect("a source"));
        }
        for path in files(&root().join("tests/stories"), "toml") {
            let story: toml::Table = fs::read_to_string(&path).expect("a story").parse().expect("a story is TOML");
            let rows = story.get("rows").and_then(toml::Value::as_array).cloned().unwrap_or_default();
            let rows = rows.iter().filter_map(|row| u32::try_from(row.as_integer()?).ok());
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            tree.marks.entry(name.clone()).or_default().extend(rows);
            tree.tests.insert(name);
        }
        tree
    }

    /// Takes the tests of a source file: functions with an attribute that says so, or inside of `proptest!`.
    fn take_source(&mut self, text: &str) {
        let (mut is_test, mut rows) = (false, BTreeSet::new());
        for line in text.lines().map(str::trim) {
            if line.starts_with("//") && line.contains("fault matrix") {
                rows.extend(rows_of(line));
            } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(name) = function_of(line) {
                if std::mem::take(&mut is_test) {
                    self.marks.entry(name.to_owned()).or_default().append(&mut rows);
                    self.tests.insert(name.to_owned());
                }
                rows.clear();
            }
        }
    }
}

#[test]
fn every_row_of_the_matrix_stands_in_the_table_once_and_in_order() {
    let numbers: Vec<u32> = ROWS.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=LAST).collect::<Vec<_>>());
    for Row { number, fault, proof } in ROWS {
        let is_empty = match proof {
            Proof::Tests(tests) => tests.is_empty(),
            Proof::Later(why) => why.is_empty(),
        };
        assert!(!is_empty && !fault.is_empty(), "nothing holds row {number} ({fault})");
    }
}

#[test]
fn the_readme_says_how_many_rows_are_proved() {
    let proved = ROWS.iter().filter(|row| matches!(row.proof, Proof::Tests(_))).count();
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains(&format!("`tests/fault_matrix.rs` lists {proved} faults, ")), "{proved} rows are proved");
}

#[test]
fn every_test_that_proves_a_row_is_in_the_tree_and_names_the_row() {
    let tree = Tree::read();
    let mut wrong = Vec::new();
    for Row { number, fault, proof } in ROWS {
        let Proof::Tests(tests) = proof else { continue };
        for test in *tests {
            if !tree.tests.contains(*test) {
                wrong.push(format!("row {number} ({fault}): there is no test or story `{test}`"));
            } else if !tree.marks[*test].contains(number) {
                wrong.push(format!("row {number} ({fault}): `{test}` does not name it"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_test_names_a_row_that_is_not_in_the_table() {
    let tree = Tree::read();
    for (test, rows) in &tree.marks {
        let unknown: Vec<_> = rows.iter().filter(|row| !(1..=LAST).contains(*row)).collect();
        assert!(unknown.is_empty(), "`{test}` names rows that are not in the matrix: {unknown:?}");
    }
}

otk_unit_test(notification_test USES otk_core)
otk_unit_test(preference_test USES otk_core)
otk_unit_test(notify_test USES otk_notify)

otk_unit_test(notification_test USES otk_core)

# Service time, and the verb that computes with it.
otk_alloc_test(calendar_test USES otk_core)
otk_alloc_test(calendar_text_test USES otk_core)

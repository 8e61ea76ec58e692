otk_unit_test(report_rules_test USES otk_desk otk_core SOURCES world.c)

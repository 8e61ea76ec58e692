otk_unit_test(kpi_test USES otk_core m)
otk_unit_test(kpi_fold_test USES otk_core)

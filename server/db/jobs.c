/* The list of jobs. */
#include "db/conn.h"

void db_jobs_init(struct db_jobs *jobs)
{
	jobs->head.next = jobs->head.prev = &jobs->head;
	jobs->count = 0;
}

static void insert_after(struct db_jobs *jobs, struct db_job *place, struct db_job *job)
{
	job->prev = place;
	job->next = place->next;
	place->next->prev = job;
	place->next = job;
	jobs->count++;
}

void db_jobs_append(struct db_jobs *jobs, struct db_job *job)
{
	insert_after(jobs, jobs->head.prev, job);
}

void db_jobs_prepend(struct db_jobs *jobs, struct db_job *job)
{
	insert_after(jobs, &jobs->head, job);
}

void db_jobs_remove(struct db_jobs *jobs, struct db_job *job)
{
	job->prev->next = job->next;
	job->next->prev = job->prev;
	job->next = job->prev = NULL;
	jobs->count--;
}

struct db_job *db_jobs_first(const struct db_jobs *jobs)
{
	return jobs->head.next == &jobs->head ? NULL : jobs->head.next;
}

struct db_job *db_jobs_last(const struct db_jobs *jobs)
{
	return jobs->head.prev == &jobs->head ? NULL : jobs->head.prev;
}

struct db_job *db_jobs_next(const struct db_jobs *jobs, const struct db_job *job)
{
	return job->next == &jobs->head ? NULL : job->next;
}

// Command peer asks a server, at the API base it is given, as GitLab's own Go client does, and
// reads what it answers into that client's types. It prints one line of JSON a call.
//
//	peer BASE PROJECT COMMIT
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

const (
	number = 7
	check  = 12
	source = 5
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: peer BASE PROJECT COMMIT")
	}
	project, commit := args[1], args[2]
	client, err := gitlab.NewClient("glpat-x", gitlab.WithBaseURL(args[0]), gitlab.WithCustomRetryMax(0))
	if err != nil {
		return err
	}
	calls := []func() (any, error){
		func() (any, error) {
			found, _, err := client.MergeRequests.GetMergeRequest(project, number, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.MergeRequests.GetMergeRequestDiffVersions(project, number, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.MergeRequests.GetMergeRequestReviewers(project, number)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.MergeRequestApprovals.GetConfiguration(project, number)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Notes.ListMergeRequestNotes(project, number, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Users.CurrentUser()
			return found, err
		},
		func() (any, error) {
			opt := &gitlab.CreateMergeRequestNoteOptions{Body: gitlab.Ptr("text")}
			found, _, err := client.Notes.CreateMergeRequestNote(project, number, opt)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Commits.SetCommitStatus(project, commit, &gitlab.SetCommitStatusOptions{
				State:       gitlab.Failed,
				Name:        gitlab.Ptr("itil-gate"),
				Description: gitlab.Ptr("text"),
			})
			return found, err
		},
		func() (any, error) {
			_, err := client.ExternalStatusChecks.SetProjectMergeRequestExternalStatusCheckStatus(
				project, number, &gitlab.SetProjectMergeRequestExternalStatusCheckStatusOptions{
					SHA:                   gitlab.Ptr(commit),
					ExternalStatusCheckID: gitlab.Ptr(int64(check)),
					Status:                gitlab.Ptr("failed"),
				})
			return nil, err
		},
		func() (any, error) {
			found, _, err := client.MergeRequests.ListProjectMergeRequests(project, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Commits.GetCommitStatuses(project, commit, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Events.ListProjectVisibleEvents(source, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Projects.GetProject(project, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Projects.GetProjectApprovalRules(project, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.Projects.GetApprovalConfiguration(project)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.ProtectedBranches.ListProtectedBranches(project, nil)
			return found, err
		},
		func() (any, error) {
			found, _, err := client.ExternalStatusChecks.ListProjectExternalStatusChecks(project, nil)
			return found, err
		},
	}
	for at, call := range calls {
		found, err := call()
		if err != nil {
			return fmt.Errorf("call %d: %w", at, err)
		}
		line, err := json.Marshal(found)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}
